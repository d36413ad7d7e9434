"""The access of a plan, and what a change adds to it: as data and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from policies.least_privilege.access.holders import Holder, holders
from policies.least_privilege.access.inclusion import Access, described, effective, lifted, new_access, units
from policies.least_privilege.language.documents import Json
from policies.rulebook import UNKNOWN, Resource
from policies.rulebook import Json as PropertyValue

_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the JSON of a preview writes an unknown value."""


class NotAPlan(Exception):
    """What was given isn't the JSON of a preview; the text says why."""


def read_plan(plan: Json) -> list[Resource]:
    """Return the resources of a plan, as `pulumi preview --json` or `python -m rehearsal --json` writes it.

    Raises:
        NotAPlan: it isn't one.
    """
    steps = plan.get("steps") if isinstance(plan, Mapping) else None
    if not isinstance(steps, list):
        raise NotAPlan("it has no `steps`; accepted: the JSON of `python -m rehearsal --json` or of a preview")
    found = []
    for number, step in enumerate(steps):
        state = step.get("newState") if isinstance(step, Mapping) else None
        if state is None and isinstance(step, Mapping) and "op" in step:
            continue  # the step deletes a resource
        type_ = state.get("type") if isinstance(state, Mapping) else None
        if not isinstance(state, Mapping) or not isinstance(type_, str):
            raise NotAPlan(f"step {number + 1} has no `newState` with a `type`")
        inputs = state.get("inputs") or {}
        if not isinstance(inputs, Mapping):
            raise NotAPlan(f"step {number + 1} has `inputs` that aren't an object")
        urn = str(state.get("urn", ""))
        properties = {key: _mark_unknowns(value) for key, value in inputs.items()}
        found.append(Resource(type_, urn, urn.rpartition("::")[2], properties))
    return found


def _mark_unknowns(value: Json) -> PropertyValue:
    """Return a value of a plan with `UNKNOWN` for everything that the preview couldn't know."""
    if value == _UNKNOWN:
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _mark_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mark_unknowns(item) for item in value]
    return value


def accesses(plan: Json) -> list[Access]:
    """Return who can do what to what: a line for each holder, level and resource pattern.

    Raises:
        NotAPlan: what is given isn't a plan.
    """
    return [access for holder in holders(read_plan(plan), inputs=True).values() for access in holder_accesses(holder)]


def holder_accesses(holder: Holder) -> list[Access]:
    """Return what one holder can do."""
    found = [Access(holder.name, why=f"has {why}") for why in dict.fromkeys(holder.unclear)]
    found += [
        Access(holder.name, why=f"has the policy `{arn}`, which isn't part of this stack")
        for arn in sorted(holder.elsewhere)
    ]
    for allow in holder.allows:
        for unit, mask in units(allow):
            for part in effective(holder, allow, unit, mask):
                if unit.service is not None:
                    found += described(holder.name, unit, part[0], part)
    return found


def difference(before: Json, after: Json) -> list[Access]:
    """Return what a plan allows that another, earlier one didn't, within the limits of this package.

    Raises:
        NotAPlan: one of them isn't a plan.
    """
    old, new = holders(read_plan(before), inputs=True), holders(read_plan(after), inputs=True)
    found = [access for key, holder in new.items() for access in new_access(old.get(key), holder)]
    found += [access for key, holder in old.items() for access in lifted(holder, new.get(key))]
    return list(dict.fromkeys(found))


def lost(before: Json, after: Json) -> list[Access]:
    """Return what an earlier plan allows that the later one doesn't; `difference` reports what can't be decided.

    Raises:
        NotAPlan: one of them isn't a plan.
    """
    old, new = holders(read_plan(before), inputs=True), holders(read_plan(after), inputs=True)
    found = [access for key, holder in old.items() for access in new_access(new.get(key), holder) if not access.why]
    found += [
        Access(holder.name, why="is refused more than before")
        for key, holder in new.items()
        if any(lifted(holder, old.get(key)))
    ]
    return list(dict.fromkeys(found))


def as_json(found: Iterable[Access]) -> list[dict[str, Json]]:
    """Return accesses as JSON objects, without empty values."""
    return [
        {key: value for key, value in vars(one).items() if value not in ("", (), False)}
        | ({"actions": list(dict.fromkeys(one.actions))} if one.actions else {})
        for one in found
    ]
