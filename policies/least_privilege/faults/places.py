"""Where in a document a fault is: its statements, with their actions and resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import Fault, Part, Place
from policies.least_privilege.language.documents import Principal, Statement
from policies.least_privilege.meaning.grants import joint_reach, matching_actions, named_actions


def add_places(faults: Iterable[Fault], statement: Statement) -> Iterator[Fault]:
    """Yield faults of a statement with their places; one that has no place yet gets the whole statement."""
    for fault in faults:
        fault.parts = fault.parts or parts_at(whole_statement(statement))
        yield fault


def add_principal(principal: Principal, faults: Iterable[Fault]) -> Iterator[Fault]:
    """Yield faults of a statement that are about one of its principals."""
    for fault in faults:
        fault.concerns = principal.name
        yield fault


def parts_at(*places: Place, narrowable: bool = True) -> tuple[Part, ...]:
    """Return the one part of a fault that is at several places."""
    return (Part(lambda: places, narrowable),)


def whole_statement(statement: Statement) -> Place:
    """Return a statement as a place, with all its actions and resources."""
    return Place(statement, statement.actions, statement.resources)


def parts_with_actions(
    statement: Statement, service: knowledge.Service, actions: int, *, narrowable: bool = True
) -> tuple[Part, ...]:
    """Return the one part of a fault that is in some actions of a statement."""
    return (Part(lambda: _allowing((statement,), service, actions), narrowable),)


def granting_statements(statements: Sequence[Statement], *actions: str, narrowable: bool = True) -> Part:
    """Return the statements that allow some of several actions (`service:Action`).

    For each action, these are the statements that no condition narrows, or all that allow it if there are none.
    """
    return Part(partial(_granting, statements, actions), narrowable)


def _granting(statements: Sequence[Statement], actions: Sequence[str]) -> Iterator[Place]:
    allows = [statement for statement in statements if statement.allow]
    for action in actions:
        service, mask = knowledge.lookup(action.lower())
        if service:
            places = _allowing(allows, service, mask)
            yield from [one for one in places if not one.statement.conditions.narrow_resources] or places


def widely_granting_statements(statements: Sequence[Statement], action: str, *, narrowable: bool = True) -> Part:
    """Return the statements that allow an action (`service:Action`) on all resources of a type."""
    service, mask = knowledge.lookup(action.lower())
    return Part(partial(_granting_widely, statements, service, mask) if service else tuple, narrowable)


def statements_widely_granting_any(
    statements: Sequence[Statement], service: knowledge.Service, actions: int, *, on_star: bool = False
) -> Part:
    """Return the statements that allow some of several actions of a service on all resources of a type, or on `*`."""
    return Part(partial(_granting_widely, statements, service, actions, on_star=on_star))


def _granting_widely(
    statements: Sequence[Statement], service: knowledge.Service, actions: int, *, on_star: bool = False
) -> Sequence[Place]:
    def is_wide(resource: str) -> bool:
        reach = joint_reach(service, (resource,))
        return reach.everything or (not on_star and (reach.any_resource or bool(reach.whole)))

    free = [one for one in statements if one.allow and not one.conditions.narrow_resources]
    places = _allowing(free, service, actions)
    wide = [
        place
        if place.statement.negated_resources
        else place._replace(resources=tuple(filter(is_wide, place.resources)))
        for place in places
    ]
    return [place for place in wide if place.resources] or places


def _allowing(allows: Iterable[Statement], service: knowledge.Service, actions: int) -> list[Place]:
    return [
        Place(
            one,
            one.actions
            if one.negated_actions
            else tuple(action for action, mask in _by_service(one.actions).get(service, ()) if mask & actions),
            one.resources,
        )
        for one in allows
        if named_actions(one).get(service, 0) & actions
    ]


@lru_cache(1024)
def _by_service(actions: tuple[str, ...]) -> Mapping[knowledge.Service, Sequence[tuple[str, int]]]:
    """Return the action patterns of a statement by service, each with the actions that it matches there.

    A statement may list a thousand patterns of many services, and each fault in it is about one service.
    """
    found: dict[knowledge.Service, list[tuple[str, int]]] = {}
    for action in actions:
        for service, mask in matching_actions(action).items():
            found.setdefault(service, []).append((action, mask))
    return found


def each_once(faults: Iterable[Fault]) -> list[Fault]:
    """Return each fault once. If several statements have a fault in the same words, it's at all their places."""
    faults = list(faults)
    if len(faults) < 2:
        return faults
    found: dict[tuple[object, ...], list[Fault]] = {}
    for fault in faults:
        found.setdefault(identity(fault), []).append(fault)
    for first, *others in found.values():
        if others:
            parts = zip(first.parts, *(one.parts for one in others), strict=False)
            first.parts = tuple(Part(partial(_all_places, same), same[0].narrowable) for same in parts)
    return [first for first, *_ in found.values()]


def identity(fault: Fault) -> tuple[object, ...]:
    """Return what tells a fault of a document from the others. Words that aren't built yet belong to one fault."""
    return fault.rule, fault.words, fault.about, fault.applies


def _all_places(parts: Iterable[Part]) -> Iterator[Place]:
    return (place for part in parts for place in part.places)
