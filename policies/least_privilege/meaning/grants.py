"""What statements grant together: actions of each service, and on which of its resources without a bound.

A set of actions is an integer (see `knowledge.Service`), so a wildcard costs no more than one action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from policies.least_privilege import knowledge
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import resources


@lru_cache(4096)
def named_actions(statement: Statement) -> Mapping[knowledge.Service, int]:
    """Return the actions, by service, that a statement's `Action` or `NotAction` names.

    An action isn't among them if an Allow leaves out all of the action's resources by `NotResource`.
    """
    if statement.allow and statement.negated_resources:
        return _actions_elsewhere(statement.actions, statement.negated_actions, statement.resources)
    return _actions(statement.actions, statement.negated_actions)


def _actions_elsewhere(
    given: tuple[str, ...], negated: bool, excluded: tuple[str, ...]
) -> Mapping[knowledge.Service, int]:
    left = {}
    for service, mask in _actions(given, negated).items():
        kept = mask & ~service.typed
        for kind in service.types:
            if not any(_is_every(resource, kind) for resource in excluded[:DENIALS]):
                kept |= mask & kind.actions
        if kept:
            left[service] = kept
    return left


def _is_every(resource: str, kind: knowledge.ResourceType) -> bool:
    """Tell whether a pattern matches all resources of a type, in the partition that it names."""
    parts = resource.split(":", 5)
    return parts[2:3] == kind.parts[2:3] and patterns.includes(
        resource, ":".join((parts[0], parts[1], *kind.parts[2:]))
    )


def matching_actions(pattern: str) -> Mapping[knowledge.Service, int]:
    """Return the actions, by service, that one action pattern matches."""
    return named((pattern,)).by_service


class Named(NamedTuple):
    """What action patterns name."""

    by_service: Mapping[knowledge.Service, int]
    """The actions, by service."""
    unknown: tuple[str, ...]
    """The patterns that name no service in full, and those that match none of its actions."""
    wild: tuple[str, ...]
    """The patterns with a wildcard."""


@lru_cache(16384)
def named(given: tuple[str, ...]) -> Named:
    """Return what action patterns, in lower case, name together."""
    found: dict[knowledge.Service, int] = {}
    unknown = []
    for action in given:
        service, mask = knowledge.lookup(action)
        if service and mask:
            found[service] = found.get(service, 0) | mask
            continue
        unknown.append(action)
        prefix, separator, name = action.partition(":")
        for service in _matching_services(prefix):
            mask = service.mask(name if separator else "*")
            if mask:
                found[service] = found.get(service, 0) | mask
    return Named(found, tuple(unknown), tuple([action for action in given if "*" in action or "?" in action]))


def _actions(given: tuple[str, ...], negated: bool) -> Mapping[knowledge.Service, int]:
    return _other_actions(given) if negated else named(given).by_service


@lru_cache(1024)
def _other_actions(given: tuple[str, ...]) -> Mapping[knowledge.Service, int]:
    excluded = named(given).by_service
    return {service: service.everything & ~excluded.get(service, 0) for service in _matching_services("*")}


@lru_cache(1024)
def _matching_services(pattern: str) -> Sequence[knowledge.Service]:
    if not patterns.wild(pattern):
        return ()
    prefixes = knowledge.prefixes()
    found = (knowledge.service(prefixes[place]) for place in patterns.matching(pattern, prefixes))
    return [service for service in found if service]


@lru_cache(32768)
def joint_reach(service: knowledge.Service, given: tuple[str, ...]) -> resources.Reach:
    """Return what several resource patterns reach together.

    It counts as `named` if each pattern that reaches all resources of a type names an account.
    """
    if len(given) == 1:
        return resources.reach(service, given[0])
    reaches = [resources.reach(service, resource) for resource in given]
    kinds = whole = 0
    for reach in reaches:
        kinds |= reach.kinds
        whole |= reach.whole
    return resources.Reach(
        kinds,
        whole,
        any(reach.everything for reach in reaches),
        any(reach.any_resource for reach in reaches),
        all(reach.named for reach in reaches if reach.whole),
    )


@dataclass(slots=True)
class ServiceGrant:
    """What is granted in one service. Each field is a set of actions, or one for each resource type.

    All fields but `actions` and `reached` leave out what conditions narrow.
    """

    service: knowledge.Service
    actions: int = 0
    """Granted at all."""
    unconditional: int = 0
    """Granted without a condition that narrows the resources."""
    on_star: int = 0
    """Granted on `*`."""
    without_resource: int = 0
    """Granted actions that take no resource, where the statement's resource covers such actions."""
    on_all: dict[int, int] = field(default_factory=dict)
    """Resource type -> actions granted on all resources of the type."""
    in_any_account: dict[int, int] = field(default_factory=dict)
    """The same, where the pattern names no account."""
    reached: list[tuple[int, int]] = field(default_factory=list)
    """Actions, and the types of which they are granted on some resources, regardless of conditions and denials."""

    def add(self, actions: int, reach: resources.Reach, *, narrowed: bool) -> None:
        """Add actions on what resource patterns reach together; `narrowed` says that conditions narrow it."""
        self.actions |= actions
        if narrowed:
            return
        self.unconditional |= actions
        if reach.any_resource:
            self.without_resource |= actions & ~self.service.typed
        if reach.everything:
            self.on_star |= actions
            return
        whole = reach.whole
        while whole:
            bit = whole.bit_length() - 1
            whole ^= 1 << bit
            self.on_all[bit] = self.on_all.get(bit, 0) | actions
            if not reach.named:
                self.in_any_account[bit] = self.in_any_account.get(bit, 0) | actions

    def unbounded(self) -> int:
        """Return the actions that could be narrowed to resources and are granted on everything that they need."""
        found = self.on_star & self.service.typed
        for bit, actions in self.on_all.items():
            found |= actions & self.service.types[bit].actions
        if found & ~self.on_star:
            for bit, needing in self.service.bounding:
                # An action that needs resources of several types is bounded as soon as one of them is. A type that
                # can't be narrowed bounds nothing. Nor does one that no statement names: some of the types that
                # the reference requires are alternatives, and some are only created by the call.
                narrow = found & needing & ~(self.on_star | self.on_all.get(bit, 0))
                if narrow:
                    for actions, kinds in self.reached:
                        if kinds >> bit & 1:
                            found &= ~(narrow & actions)
        return found

    def wide(self) -> int:
        """Return the actions that reach everything they can reach."""
        return self.unbounded() | self.without_resource


DENIALS: Final = 50
"""How many denials of a document count. Leaving some out makes the verdict stricter, and keeps a document of thousands
from taking minutes."""


def joint_grants(statements: Sequence[Statement]) -> dict[str, ServiceGrant]:
    """Return what statements of identity policies grant together, by service prefix.

    A `Deny` counts if it holds for every request: it has no condition and covers the resource.
    """
    denials = _denials(statements)
    result: dict[str, ServiceGrant] = {}
    for statement in statements:
        if not statement.allow:
            continue
        narrowed = statement.conditions.narrow_resources
        given = _given(statement)
        for service, mask in named_actions(statement).items():
            reach = joint_reach(service, given)
            left = _undenied(denials, service, mask, given) if denials else ((mask, given),)
            for actions, on in left:
                grant = result.get(service.prefix)
                if grant is None:
                    grant = result[service.prefix] = ServiceGrant(service)
                grant.reached.append((actions, reach.kinds))
                grant.add(actions, reach if on is given else joint_reach(service, on), narrowed=narrowed)
    return result


def undenied_actions(statement: Statement, statements: Sequence[Statement]) -> Mapping[knowledge.Service, int]:
    """Return the actions of an Allow, by service, that all denials leave allowed on some of its resources."""
    found, denials = named_actions(statement), _denials(statements)
    if not denials:
        return found
    left = dict.fromkeys(found, 0)
    for service, mask in found.items():
        for actions, _ in _undenied(denials, service, mask, _given(statement)):
            left[service] |= actions
    return left


def _denials(statements: Sequence[Statement]) -> Sequence[Statement]:
    """Return the denials that hold for every request."""
    return [statement for statement in statements if not statement.allow and not statement.conditions][:DENIALS]


def _given(statement: Statement) -> tuple[str, ...]:
    return ("*",) if statement.negated_resources else statement.resources


def _undenied(
    denials: Iterable[Statement], service: knowledge.Service, actions: int, on: tuple[str, ...]
) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Yield what denials leave of a grant: actions and the resources on which they stay granted."""
    left = [(actions, on)]
    for denial in denials:
        denied = named_actions(denial).get(service, 0)
        if not denied:
            continue
        if not denial.negated_resources and any(patterns.includes(one, "arn:?*:?*") for one in denial.resources):
            left = [(mask & ~denied, given) for mask, given in left if mask & ~denied]
            continue
        # A denial of everything but some resources leaves what lies within them.
        spare = _intersect if denial.negated_resources else _remove
        left = [
            part
            for mask, given in left
            for part in ((mask & ~denied, given), (mask & denied, spare(given, denial.resources)))
            if part[0] and part[1]
        ]
    return left


def _intersect(given: tuple[str, ...], bounds: tuple[str, ...]) -> tuple[str, ...]:
    inside = [one for one in given if any(patterns.includes(bound, one) for bound in bounds)]
    outside = [one for one in given if one not in inside]
    # Of a pattern that reaches further, only what lies within the bounds is left: at most the bounds themselves.
    return tuple(inside + [bound for bound in bounds if any(patterns.intersects(bound, one) for one in outside)])


def _remove(given: tuple[str, ...], denied: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in given if not any(patterns.includes(bound, one) for bound in denied))
