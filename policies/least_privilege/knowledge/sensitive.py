"""Actions that need more care than their access level says, from the categories in `sensitive_actions.txt`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from policies.least_privilege import knowledge

_FILE: Final = Path(__file__).with_name("sensitive_actions.txt")

Category: TypeAlias = Literal[
    "credentials",
    "data",
    "exfiltration",
    "exposure",
    "sharing",
    "grants",
    "audit",
    "deletions",
    "logins",
    "sessions",
    "harmless",
    "filters",
    "ordinary",
]
"""A section of the file, which says what its actions do."""


@cache
def categories() -> Mapping[Category, Mapping[str, tuple[str, ...]]]:
    """Return category -> prefix of a service -> its actions, all in lower case."""
    found: dict[Category, dict[str, tuple[str, ...]]] = {}
    for line in _FILE.read_text(encoding="utf-8").lower().splitlines():
        if line.startswith("["):
            section = found[cast(Category, line.strip("[]"))] = {}
        elif line and not line.startswith("#"):
            service, _, actions = line.partition(":")
            section[service] = tuple(actions.split())
    return found


@cache
def _by_service() -> Mapping[str, Mapping[Category, tuple[str, ...]]]:
    """Return prefix of a service -> category -> its actions, all in lower case."""
    found: dict[str, dict[Category, tuple[str, ...]]] = {}
    for category, services in categories().items():
        for prefix, actions in services.items():
            found.setdefault(prefix, {})[category] = actions
    return found


@lru_cache(1024)
def masks(service: knowledge.Service) -> Mapping[Category, int]:
    """Return category -> the actions of a service that belong to it, where there are some."""
    found = dict.fromkeys(_by_service().get(service.prefix, ()), 0)
    for category in found:
        for action in _by_service()[service.prefix][category]:
            found[category] |= service.mask(action)
    return found


@lru_cache(4096)
def mask(service: knowledge.Service, category: Category) -> int:
    """Return the actions of a service that belong to a category."""
    return masks(service).get(category, 0)


def writes_tags(action: str) -> bool:
    """Tell whether an action, by its name in lower case, sets or removes tags."""
    service, granted = knowledge.lookup(action)
    return bool(service and granted & service.levels["Tagging"])


_LISTING: Final = ("describe", "list")
_READING: Final = ("get", "view", "lookup", "search", "query", "batchget", "batchdescribe")


@lru_cache(1024)
def surveys(service: knowledge.Service) -> int:
    """Return the reads of descriptions, not of data, that are ordinary on `*`.

    These are descriptions and lists, and a service's other actions with a reading verb if hardly any of them takes a
    resource: such things are read all together. The few that do take a resource don't justify a longer policy.
    """
    listed = masks(service)
    reading = (service.levels["List"] | service.levels["Read"]) & ~listed.get("data", 0) & ~listed.get("credentials", 0)
    found = (reading & ~service.typed) | listed.get("filters", 0)
    for verb in _LISTING if reading & ~found else ():
        found |= service.beginning(verb) & reading
    left = reading & ~found
    while left:
        # The names of one verb stand together, so all of them are settled at once.
        bit = left.bit_length() - 1
        left ^= 1 << bit
        if verb := _reading_verb(service.lower[bit]):
            family = service.beginning(verb) & reading
            left &= ~family
            if 4 * (family & service.typed).bit_count() <= family.bit_count():
                found |= family
    return found


def _reading_verb(name: str) -> str:
    return next(filter(name.startswith, _READING), "") if name.startswith(_READING) else ""


@lru_cache(1024)
def managing(service: knowledge.Service) -> int:
    """Return the actions that remove resources, change code, or decide who may do what."""
    removing = service.beginning("delete") & ~service.beginning("deletemessage")  # taking a message is using a queue
    return deciding(service) | removing | service.mask("update*code")


@lru_cache(1024)
def deciding(service: knowledge.Service) -> int:
    """Return the actions that decide who may do what."""
    listed = masks(service)
    return (service.levels["Permissions management"] | listed.get("exposure", 0)) & ~listed.get("ordinary", 0)
