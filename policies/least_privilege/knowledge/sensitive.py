"""Actions that need more care than their access level says, from the categories in `sensitive_actions.txt`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

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
    "logins",
    "sessions",
    "harmless",
    "filters",
    "ordinary",
]
"""A section of the file, which says what its actions do."""


@cache
def categories() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return category -> prefix of a service -> its actions, all in lower case."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in _FILE.read_text(encoding="utf-8").lower().splitlines():
        if line.startswith("["):
            section = found[line.strip("[]")] = {}
        elif line and not line.startswith("#"):
            service, _, actions = line.partition(":")
            section[service] = tuple(actions.split())
    return found


@lru_cache(4096)
def mask(service: knowledge.Service, category: Category) -> int:
    """Return the actions of a service that belong to a category."""
    result = 0
    for action in categories()[category].get(service.prefix, ()):
        result |= service.mask(action)
    return result


def writes_tags(action: str) -> bool:
    """Tell whether an action, by its name in lower case, sets or removes tags."""
    service, granted = knowledge.lookup(action)
    return bool(service and granted & service.levels["Tagging"])


_LISTING: Final = ("describe", "list")
_READING: Final = ("get", "view", "lookup", "search", "query", "batchget", "batchdescribe")


@lru_cache(1024)
def surveys(service: knowledge.Service) -> int:
    """Return the reads of descriptions, not of data, that are ordinary on `*`.

    These are descriptions and lists, and those reading verbs of a service of which hardly any action takes a resource:
    whoever reads such things reads all of them. The few that do take a resource don't justify a longer policy.
    """
    reading = (service.levels["List"] | service.levels["Read"]) & ~mask(service, "data") & ~mask(service, "credentials")
    found = (reading & ~service.typed) | mask(service, "filters")
    for verb in _LISTING:
        found |= service.beginning(verb) & reading
    for verb in _READING:
        family = service.beginning(verb) & reading
        if 4 * (family & service.typed).bit_count() <= family.bit_count():
            found |= family
    return found


@lru_cache(1024)
def managing(service: knowledge.Service) -> int:
    """Return the actions that remove resources, change code, or decide who may do what."""
    removing = service.beginning("delete") & ~service.beginning("deletemessage")  # to take a message is to use a queue
    return deciding(service) | removing | service.mask("update*code")


@lru_cache(1024)
def deciding(service: knowledge.Service) -> int:
    """Return the actions that decide who may do what."""
    return (service.levels["Permissions management"] | mask(service, "exposure")) & ~mask(service, "ordinary")
