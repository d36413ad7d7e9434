"""Sentences about access that a change gives or takes away, and how they name resources and actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from policies.least_privilege.access.inclusion import LEVELS, Access

_ACTIONS: Final = 4
"""How many actions of a level a sentence names."""

_Levels = tuple[tuple[str, tuple[str, ...]], ...]
"""Access levels, each with actions."""


def sentences(found: Iterable[Access], opening: str = "This change lets") -> list[str]:
    """Return sentences about access. Each has all levels, and all holders and resources with the same access.

    They are in the order of holders' names: the order of a plan's resources isn't always the same.
    """
    found = sorted(found, key=lambda one: one.holder)
    lines = [f"`{holder}` {why}." for holder, why in dict.fromkeys((one.holder, one.why) for one in found if one.why)]
    places: dict[tuple[str, bool, _Levels], list[str]] = defaultdict(list)
    for (holder, conditional, resource), levels in _by_resource(found).items():
        places[holder, conditional, levels].append(shown(resource))
    holders: dict[tuple[bool, _Levels, tuple[str, ...]], list[str]] = defaultdict(list)
    for (holder, conditional, levels), resources in places.items():
        holders[conditional, levels, tuple(dict.fromkeys(resources))].append(f"`{holder}`")
    lines += [
        f"{opening} {_series(names)} {_series([LEVELS[level] for level, _ in levels])} {', '.join(resources)}"
        f"{' under a condition' if conditional else ''} ({_details(levels)})."
        for (conditional, levels, resources), names in holders.items()
    ]
    return lines


def _by_resource(found: Iterable[Access]) -> dict[tuple[str, bool, str], _Levels]:
    """Return the levels and actions of each holder on each resource, with and without a condition."""
    actions: dict[tuple[str, bool, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        if not one.why:
            actions[one.holder, one.conditional, one.resource][one.level] += one.actions
    return {
        key: tuple((level, tuple(dict.fromkeys(levels[level]))) for level in LEVELS if level in levels)
        for key, levels in actions.items()
    }


def shown(resource: str) -> str:
    """Return how a text names a resource pattern: without partition, service, region and account.

    >>> shown("arn:aws:s3:::raw/*"), shown("*")
    ('`raw/*`', 'everything')
    """
    if resource == "*":
        return "everything"
    parts = resource.split(":", 5)
    return f"`{parts[5]}`" if len(parts) == 6 and parts[5] else f"`{resource}`"


def _series(items: Sequence[str]) -> str:
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def _details(levels: _Levels) -> str:
    if len(levels) == 1:
        return _first(levels[0][1])
    return "; ".join(f"{level.lower() or 'not known'}: {_first(actions)}" for level, actions in levels)


def _first(actions: Sequence[str]) -> str:
    more = len(actions) - _ACTIONS
    return ", ".join(actions[:_ACTIONS]) + (f" and {more} more" if more > 0 else "")
