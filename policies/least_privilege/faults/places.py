"""Where in a document a fault is: its statements, with their actions and resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import Fault, Place
from policies.least_privilege.faults.wording import quote, shorten, spell
from policies.least_privilege.language.documents import Kind, Statement
from policies.least_privilege.meaning.grants import joint_reach, matching_actions, named_actions


def located(faults: Iterable[Fault], *statements: Statement) -> Iterator[Fault]:
    """Yield faults of statements with their places: the whole statements, for those that name none themselves."""
    for fault in faults:
        yield fault if fault.places else fault._replace(places=tuple(map(whole, statements)))


def whole(statement: Statement) -> Place:
    """Return a statement as a place, with all its actions and resources."""
    return Place(statement, statement.actions, statement.resources)


def granting(statements: Iterable[Statement], *actions: str) -> tuple[Place, ...]:
    """Return the statements that allow some of several actions (`service:Action`).

    For each action they are those that no condition narrows, or else all that allow it.
    """
    found: list[Place] = []
    allows = [statement for statement in statements if statement.allow]
    for action in actions:
        service, mask = knowledge.lookup(action.lower())
        if service:
            places = _allowing(allows, service, mask)
            found += [one for one in places if not one.statement.conditions.narrow_resources] or places
    return merged(found)


def granting_widely(statements: Iterable[Statement], service: knowledge.Service, actions: int) -> tuple[Place, ...]:
    """Return the statements that allow some of several actions of a service on all resources of a type."""

    def is_wide(resource: str) -> bool:
        reach = joint_reach(service, (resource,))
        return reach.everything or reach.any_resource or bool(reach.whole)

    free = [one for one in statements if one.allow and not one.conditions.narrow_resources]
    places = _allowing(free, service, actions)
    wide = [
        place
        if place.statement.negated_resources
        else place._replace(resources=tuple(filter(is_wide, place.resources)))
        for place in places
    ]
    return merged([place for place in wide if place.resources] or places)


def _allowing(allows: Iterable[Statement], service: knowledge.Service, actions: int) -> list[Place]:
    return [
        Place(
            one,
            one.actions
            if one.negated_actions
            else tuple(action for action in one.actions if matching_actions(action).get(service, 0) & actions),
            one.resources,
        )
        for one in allows
        if named_actions(one).get(service, 0) & actions
    ]


def merged(places: Sequence[Place]) -> tuple[Place, ...]:
    """Return each statement of several places once, with all that the places name of it."""
    found: dict[str, Place] = {}
    for place in places:
        known = found.setdefault(place.statement.where, place)
        if known is not place:
            found[place.statement.where] = known._replace(
                actions=tuple(dict.fromkeys(known.actions + place.actions)),
                resources=tuple(dict.fromkeys(known.resources + place.resources)),
            )
    return tuple(found.values())


def with_places(faults: Iterable[Fault], kind: Kind) -> tuple[Fault, ...]:
    """Return each fault of a document once; its message says where it is."""
    found: dict[Fault, list[Place]] = {}
    for fault in faults:
        found.setdefault(fault._replace(places=()), []).extend(fault.places)
    return tuple(
        fault._replace(message=_told(fault.message, places, kind), places=places)
        for fault, given in found.items()
        for places in [merged(given)]
    )


_NAMED: Final = 3
"""How many statements a message names."""


def _told(message: str, places: Sequence[Place], kind: Kind) -> str:
    """Return the message with the action and the resource of each place, and with its statement where it has none."""
    if not places:
        return message
    if len(places) == 1 and places[0].statement.where in message:
        return f"{message} See {_contents(places[0], kind)}."
    told = "; ".join(f"{place.statement.where}: {_contents(place, kind)}" for place in places[:_NAMED])
    more = f"; and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    return f"{message} See {told}{more}."


def _contents(place: Place, kind: Kind) -> str:
    statement = place.statement
    actions = _list("action", place.actions, spell, negated=statement.negated_actions)
    if kind is Kind.TRUST:
        return f"{actions}, the resource is the role"
    return f"{actions}, {_list('resource', place.resources, shorten, negated=statement.negated_resources)}"


def _list(noun: str, names: Sequence[str], spell: Callable[[str], str], *, negated: bool) -> str:
    plural = "s" if len(names) > 1 else ""
    shown = quote(map(spell, names), _NAMED) if names else "none"
    return f"{noun}{plural} {'all but ' if negated else ''}{shown}"
