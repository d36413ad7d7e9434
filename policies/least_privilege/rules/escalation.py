"""Ways to more permissions, within one document or over all that one role has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from least_privilege import knowledge
from least_privilege.faults import Fault, some
from least_privilege.grants import Granted
from least_privilege.knowledge import sensitive


def faults(grants: Mapping[str, Granted]) -> Iterator[Fault]:
    """Yield a fault for each method of escalation that the grants hold, the shortest ones of those that overlap."""
    found = open_methods(grants)
    for method in found:
        yield Fault(
            "privilege-escalation",
            f"{some((*method.wide, *method.some))} together are a way to more permissions ({method.id}).",
        )


def open_methods(grants: Mapping[str, Granted]) -> list[sensitive.Escalation]:
    """Return the methods of escalation that are open."""
    wide = {prefix: grant.wide() for prefix, grant in grants.items() if prefix in _prefixes()}
    some_ = {prefix: grants[prefix].free for prefix in wide}
    return [
        method
        for method, needs_wide, needs_some in _needs()
        if all(wide.get(prefix, 0) & mask for prefix, mask in needs_wide)
        and all(some_.get(prefix, 0) & mask for prefix, mask in needs_some)
    ]


@cache
def _needs() -> tuple[tuple[sensitive.Escalation, tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]], ...]:
    return tuple((method, _masks(method.wide), _masks(method.some)) for method in sensitive.ESCALATIONS)


def _masks(actions: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    masks = []
    for action in actions:
        prefix, _, name = action.lower().partition(":")
        service = knowledge.service(prefix)
        # An action that AWS has withdrawn leaves a mask of none, so its method is never open.
        masks.append((prefix, service.mask(name) if service else 0))
    return tuple(masks)


@cache
def _prefixes() -> frozenset[str]:
    return frozenset(
        action.lower().partition(":")[0] for method in sensitive.ESCALATIONS for action in (*method.wide, *method.some)
    )
