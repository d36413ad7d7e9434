"""What statements grant together: actions of each service, and on which of its resources there is no bound.

Sets of actions are integers (see `knowledge.Service`), so that a wildcard costs as much as one action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import conditions, resources


@lru_cache(16384)
def actions_of(actions: tuple[str, ...], negated: bool) -> Mapping[knowledge.Service, int]:
    """Return the actions, by service, that the `Action` (or, negated, `NotAction`) element of a statement names."""
    if negated:
        excluded = actions_of(actions, False)
        return {service: service.everything & ~excluded.get(service, 0) for service in _services("*")}
    found: dict[knowledge.Service, int] = {}
    for action in actions:
        service, mask = knowledge.named(action)
        if service is not None:
            if mask:
                found[service] = found.get(service, 0) | mask
            continue
        prefix, separator, name = action.partition(":")
        for service in _services(prefix):
            mask = service.mask(name if separator else "*")
            if mask:
                found[service] = found.get(service, 0) | mask
    return found


def _services(pattern: str) -> Iterable[knowledge.Service]:
    if not patterns.wild(pattern):
        return ()
    found = (knowledge.service(prefix) for prefix in knowledge.prefixes() if patterns.matches(pattern, prefix))
    return [service for service in found if service]


@lru_cache(32768)
def reach(service: knowledge.Service, of: tuple[str, ...]) -> resources.Reach:
    """Return what several resource patterns reach together; `named` if all that reach something whole are."""
    if len(of) == 1:
        return resources.reach(service, of[0])
    every = [resources.reach(service, resource) for resource in of]
    kinds = whole = 0
    for one in every:
        kinds |= one.kinds
        whole |= one.whole
    return resources.Reach(
        kinds,
        whole,
        any(one.everything for one in every),
        any(one.any_resource for one in every),
        all(one.named for one in every if one.whole),
    )


@dataclass(slots=True)
class Granted:
    """What is granted in one service. All fields are sets of actions.

    `star`, `whole` and `unnamed` leave out what conditions narrow; `whole` and `unnamed` are by resource type.
    """

    service: knowledge.Service
    some: int = 0
    """Granted at all."""
    free: int = 0
    """Granted, and nothing in the conditions narrows it."""
    star: int = 0
    """Granted on `*`."""
    unlimited: int = 0
    """Granted where no resource can be named: takes none, and the statement's resource isn't one."""
    whole: dict[int, int] = field(default_factory=dict)
    """Type -> actions granted on all resources of the type."""
    unnamed: dict[int, int] = field(default_factory=dict)
    """The same, where the pattern names no account."""

    def starred(self) -> int:
        """Return the actions that could be narrowed to a resource and aren't: on all that they need."""
        found = self.star & self.service.typed
        for bit, actions in self.whole.items():
            found |= actions & self.service.types[bit].actions
        if found & ~self.star:
            for bit, kind in enumerate(self.service.types):
                # An action that takes several kinds is bounded as soon as one of those that it needs is.
                found &= ~(kind.required & ~(self.star | self.whole.get(bit, 0)))
        return found

    def wide(self) -> int:
        """Return the actions that reach everything they can reach."""
        return self.starred() | self.unlimited


DENIALS: Final = 50
"""So many denials count. To leave one out makes the verdict stricter, and a document of thousands takes no minutes."""


def granted(statements: Sequence[Statement]) -> dict[str, Granted]:
    """Return what statements of identity policies grant together, by service prefix.

    A `Deny` counts if it holds for every request: without a condition, and covering the resource.
    """
    denials = [statement for statement in statements if not statement.allow and not statement.conditions][:DENIALS]
    result: dict[str, Granted] = {}
    for statement in statements:
        if not statement.allow:
            continue
        narrowed = conditions.narrows_resources(statement.conditions) if statement.conditions else False
        given = ("*",) if statement.negated_resources else statement.resources
        for service, mask in actions_of(statement.actions, statement.negated_actions).items():
            for actions, on in _after(denials, service, mask, given) if denials else ((mask, given),):
                into = result.get(service.prefix)
                if into is None:
                    into = result[service.prefix] = Granted(service)
                _add(into, actions, on, narrowed)
    return result


def _add(into: Granted, actions: int, on: tuple[str, ...], narrowed: bool) -> None:
    into.some |= actions
    if narrowed:
        return
    into.free |= actions
    reached = reach(into.service, on)
    if reached.any_resource:
        into.unlimited |= actions & ~into.service.typed
    if reached.everything:
        into.star |= actions
        return
    whole, bit = reached.whole, 0
    while whole:
        if whole & 1:
            into.whole[bit] = into.whole.get(bit, 0) | actions
            if not reached.named:
                into.unnamed[bit] = into.unnamed.get(bit, 0) | actions
        whole >>= 1
        bit += 1


def _after(
    denials: Iterable[Statement], service: knowledge.Service, actions: int, on: tuple[str, ...]
) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Yield what denials leave of a grant: actions and the resources they stay granted on."""
    left = [(actions, on)]
    for denial in denials:
        denied = _mask(denial, service)
        if not denied:
            continue
        if denial.negated_resources:
            # Everything but these is denied, so what is granted lies within them.
            left = [
                part
                for mask, given in left
                for part in ((mask & ~denied, given), (mask & denied, _within(given, denial.resources)))
                if part[0] and part[1]
            ]
        elif any(patterns.includes(resource, "arn:?*:?*") for resource in denial.resources):
            left = [(mask & ~denied, given) for mask, given in left if mask & ~denied]
        else:
            left = [
                part
                for mask, given in left
                for part in ((mask & ~denied, given), (mask & denied, _without(given, denial.resources)))
                if part[0] and part[1]
            ]
    return left


def _mask(statement: Statement, service: knowledge.Service) -> int:
    return actions_of(statement.actions, statement.negated_actions).get(service, 0)


def _within(given: tuple[str, ...], bounds: tuple[str, ...]) -> tuple[str, ...]:
    inside = [one for one in given if any(patterns.includes(bound, one) for bound in bounds)]
    outside = [one for one in given if one not in inside]
    # Of a pattern that reaches further, only what lies within the bounds is left: at most the bounds themselves.
    return tuple(inside + [bound for bound in bounds if any(patterns.intersects(bound, one) for one in outside)])


def _without(given: tuple[str, ...], denied: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in given if not any(patterns.includes(bound, one) for bound in denied))
