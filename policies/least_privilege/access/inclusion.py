"""What a holder can do in one plan and not in another, decided by inclusion of patterns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.access.holders import Holder
from policies.least_privilege.access.requests import includes, touches, widen
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.conditions import Condition
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning.grants import named_actions
from policies.least_privilege.meaning.resources import reach

LEVELS: Final[Mapping[str, str]] = {
    "List": "list",
    "Read": "read about",
    "Contents": "read",
    "Write": "write to",
    "Tagging": "tag",
    "Permissions management": "change permissions of",
    "": "use unknown actions on",
}
"""Access level -> a verb for it, the mildest first. Two levels aren't AWS's: `Contents`, for reading data instead of
descriptions, and the empty level, for actions that the index doesn't know."""


@dataclass(frozen=True)
class Access:
    """Somebody can use actions of one level on a resource. If that can't be decided, `why` says why."""

    holder: str
    level: str = ""
    actions: tuple[str, ...] = ()
    resource: str = ""
    conditional: bool = False
    why: str = ""


@dataclass(frozen=True)
class Unit:
    """Actions that are compared together: those of one service that the index knows, or a pattern for unknown ones."""

    service: knowledge.Service | None
    pattern: str = ""
    left_out: tuple[str, ...] = ()
    """Patterns that don't count as part of `pattern`."""

    def possible(self, statement: Statement) -> int:
        """Return which of the actions a statement may be about: a mask for a service, 1 or 0 for a pattern."""
        if self.service is not None:
            return named_actions(statement).get(self.service, 0)
        if statement.negated_actions:
            # Only a wildcard can exclude an unknown action.
            return int(not any(patterns.includes(named, self.pattern) for named in statement.actions))
        return int(any(patterns.intersects(named, self.pattern) for named in statement.actions if not _is_known(named)))

    def certain(self, statement: Statement) -> int:
        """Return which of the actions a statement is certainly about."""
        if self.service:
            return self.possible(statement)
        if statement.negated_actions:
            return int(
                not any(
                    patterns.intersects(named, self.pattern)
                    and not any(patterns.includes(pattern, named) for pattern in self.left_out)
                    for named in statement.actions
                    if not _is_known(named)
                )
            )
        return int(any(patterns.includes(named, self.pattern) for named in statement.actions))


def _is_known(action: str) -> bool:
    """Tell whether an action is one that the index knows, and no pattern."""
    return not patterns.wild(action) and knowledge.lookup(action)[1] != 0


Where = tuple[str | frozenset[str], ...]
"""Resources: those that match each of the patterns, and none in any of the sets of patterns."""

Part = tuple[int, Where, tuple[Condition, ...]]
"""Actions of a unit, the resources on which they are allowed, and the conditions."""


def units(statement: Statement) -> Iterator[tuple[Unit, int]]:
    """Yield the units of a statement's actions, and which actions of each it's about."""
    for service, mask in named_actions(statement).items():
        yield Unit(service), mask
    if statement.negated_actions:
        yield Unit(None, "*", statement.actions), 1
    for action in () if statement.negated_actions else statement.actions:
        if not _is_known(action):
            yield Unit(None, action), 1


def effective(holder: Holder, allow: Statement, unit: Unit, mask: int) -> list[Part]:
    """Return what one Allow gives within the boundary and without what is always denied; in doubt, more."""
    parts: list[Part] = [(mask, where, allow.conditions) for where in _named(allow)]
    if holder.boundary is not None:
        parts = [
            (actions & unit.possible(bound), both, conditions + bound.conditions)
            for actions, where, conditions in parts
            for bound in holder.boundary
            if actions & unit.possible(bound)
            for limit in _named(bound)
            if (both := _shared(where, limit))
        ]
    for denial in holder.denials:
        # A denial in a resource policy names principals, so it may be about others.
        if not denial.conditions and not denial.principals:
            parts = [
                (actions & ~unit.certain(denial) if _holds(denial, where) else actions, where, conditions)
                for actions, where, conditions in parts
            ]
    return list(dict.fromkeys(part for part in parts if part[0]))


def _named(statement: Statement) -> list[Where]:
    if statement.negated_resources:
        return [("*", frozenset(statement.resources))]
    return [(resource,) for resource in statement.resources]


def _shared(one: Where, other: Where) -> Where:
    """Return the resources that are in both places; empty if there are none."""
    if len(one) == len(other) == 1:
        [first], [second] = one, other
        if isinstance(first, str) and isinstance(second, str):
            if includes(second, first):
                return one
            if includes(first, second):
                return other
    together = (*one, *(item for item in other if item not in one))
    patterns_ = [widen(item) for item in together if isinstance(item, str)]
    apart = any(not patterns.intersects(first, second) for first in patterns_ for second in patterns_)
    return () if apart else together


def _holds(statement: Statement, where: Where) -> bool:
    """Tell whether a statement is about all resources of a place."""
    if statement.negated_resources:
        left_out = frozenset(statement.resources)
        return any(
            not any(patterns.intersects(widen(named), widen(item)) for named in left_out)
            if isinstance(item, str)
            else left_out <= item
            for item in where
        )
    return any(includes(named, item) for named in statement.resources for item in where if isinstance(item, str))


def _touches(statement: Statement, where: Where) -> bool:
    """Tell whether a statement may be about some resource of a place."""
    return all(touches(statement, widen(item)) for item in where if isinstance(item, str))


def new_access(before: Holder | None, after: Holder) -> Iterator[Access]:
    """Yield what the later holder can do and the earlier one might not."""
    if before == after and not after.unclear:
        return
    before = before or Holder(after.name, after.kind)
    for why in dict.fromkeys(after.unclear):
        yield Access(after.name, why=f"has {why}")
    for why in dict.fromkeys(before.unclear):
        yield Access(after.name, why=f"had {why}, so its access can't be compared")
    for arn in sorted(after.elsewhere - before.elsewhere):
        yield Access(after.name, why=f"has the policy `{arn}`, which isn't part of this stack")
    if before.boundary_arn and before.boundary_arn != after.boundary_arn:
        yield Access(after.name, why=f"had the boundary `{before.boundary_arn}`, which isn't part of this stack")
    if after.kind == "denials":
        return
    for allow in after.allows:
        for unit, mask in units(allow):
            for part in effective(after, allow, unit, mask):
                left = _gained_actions(before, after, unit, part)
                if left:
                    yield from described(after.name, unit, left, part)


def lifted(before: Holder, after: Holder | None) -> Iterator[Access]:
    """Yield an entry for each denial of a resource policy that is gone."""
    for denial in before.denials if before.kind == "denials" else ():
        left = [unit for unit, mask in units(denial) if mask & ~_still_denied(after, denial, unit, ())]
        if left:
            yield Access(before.name, why=f"is no longer refused what {denial.where} of the earlier policy refused")


def _gained_actions(before: Holder, after: Holder, unit: Unit, part: Part) -> int:
    """Return which of a part's actions the earlier holder lacked, as far as can be told."""
    actions, where, _ = part
    left = actions & ~_granted(before.allows, unit, part)
    if before.boundary is not None:
        left |= actions & ~_granted(before.boundary, unit, part)
    for denial in before.denials:
        denied = actions & unit.possible(denial)
        if denied & ~left and _touches(denial, where):
            left |= denied & ~_still_denied(after, denial, unit, where)
    return left


def _granted(allows: Iterable[Statement], unit: Unit, part: Part) -> int:
    """Return which of a part's actions are granted on all its resources, whenever its conditions are met."""
    actions, where, conditions = part
    have: dict[int, tuple[Statement, ...]] = {actions: ()}
    for allow in allows:
        named = unit.certain(allow) & actions
        if named and implied(allow.conditions, conditions):
            split: dict[int, tuple[Statement, ...]] = {}
            for mask, found in have.items():
                for part_mask, now in ((mask & named, (*found, allow)), (mask & ~named, found)):
                    if part_mask:
                        split[part_mask] = now
            have = split
    return sum(mask for mask, found in have.items() if _cover(found, where))


def _cover(statements: Iterable[Statement], where: Where) -> bool:
    """Tell whether statements together are about all resources of a place."""
    statements = tuple(statements)
    if any(_holds(statement, where) for statement in statements):
        return True
    together = tuple(
        named
        for statement in statements
        if not statement.negated_resources
        for named in statement.resources
        if "${" not in named
    )
    return any(patterns.covered(widen(item), together) for item in where if isinstance(item, str))


def _still_denied(after: Holder | None, denial: Statement, unit: Unit, where: Where) -> int:
    """Return the actions for which a later denial still refuses what an earlier one refused, at least in one place."""
    found = 0
    for other in after.denials if after else ():
        if (
            implied(other.conditions, denial.conditions)
            and _same_principals(other, denial)
            and ((where and _holds(other, where)) or all(_holds(other, named) for named in _named(denial)))
        ):
            found |= unit.certain(other)
            if unit.service is None:
                refused = (part for part, _ in units(denial) if part.service is None)
                found |= int(all(part.certain(other) for part in refused))
    return found


def _same_principals(other: Statement, denial: Statement) -> bool:
    if other.negated_principals or denial.negated_principals:
        return other.negated_principals == denial.negated_principals and set(other.principals) == set(denial.principals)
    return set(denial.principals) <= set(other.principals)


def implied(conditions: Sequence[Condition], by: Sequence[Condition]) -> bool:
    """Tell whether conditions are met whenever others are: each is one of the others, with at least the same values."""
    return all(any(_implies_line(other, condition) for other in by) for condition in conditions)


def _implies_line(one: Condition, other: Condition) -> bool:
    if one == other:
        return True
    negated = "not" in one.operator or one.operator == "null" or one.qualifier
    return one._replace(values=()) == other._replace(values=()) and not negated and set(one.values) <= set(other.values)


def described(holder: str, unit: Unit, actions: int, part: Part) -> Iterator[Access]:
    """Yield accesses for some of a part's actions, by access level, without actions that don't take its resources."""
    _, where, conditions = part
    resource = next(item for item in reversed(where) if isinstance(item, str))
    if unit.service is None:
        yield Access(holder, "", (unit.pattern,), resource, bool(conditions))
        return
    for item in where:
        actions &= _taking(unit.service, item) if isinstance(item, str) else actions
    contents = sensitive.mask(unit.service, "data")
    for level in LEVELS:
        mask = contents if level == "Contents" else unit.service.levels.get(level, 0) & ~contents
        if actions & mask:
            yield Access(holder, level, tuple(unit.service.listed(actions & mask)), resource, bool(conditions))


def _taking(service: knowledge.Service, resource: str) -> int:
    """Return the actions that take a resource that a pattern matches; those that take none need one for everything."""
    reached = reach(service, resource)
    actions = service.everything & ~service.typed if reached.any_resource else 0
    for bit, kind in enumerate(service.types):
        actions |= kind.actions if reached.kinds >> bit & 1 else 0
    return actions
