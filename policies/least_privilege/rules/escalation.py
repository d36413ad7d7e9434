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
    wide: dict[str, int] = {}
    found = []
    for prefix in grants:
        for method, needs_wide, needs_some in _methods().get(prefix, ()):
            for other, _ in needs_wide:
                if other not in wide:
                    wide[other] = grants[other].wide() if other in grants else 0
            if all(wide[other] & mask for other, mask in needs_wide) and all(
                other in grants and grants[other].free & mask for other, mask in needs_some
            ):
                found.append(method)
    return found


_Needs = tuple[tuple[str, int], ...]


@cache
def _methods() -> Mapping[str, list[tuple[sensitive.Escalation, _Needs, _Needs]]]:
    """Return the methods by the service of the last action that each needs: the one that tells them apart best."""
    methods: dict[str, list[tuple[sensitive.Escalation, _Needs, _Needs]]] = {}
    for method in sensitive.ESCALATIONS:
        needs_wide, needs_some = _masks(method.wide), _masks(method.some)
        methods.setdefault((needs_wide + needs_some)[-1][0], []).append((method, needs_wide, needs_some))
    return methods


def _masks(actions: tuple[str, ...]) -> _Needs:
    masks = []
    for action in actions:
        prefix, _, name = action.lower().partition(":")
        service = knowledge.service(prefix)
        # An action that AWS has withdrawn leaves a mask of none, so its method is never open.
        masks.append((prefix, service.mask(name) if service else 0))
    return tuple(masks)
