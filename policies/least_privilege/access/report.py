"""The access of a stack as a table and as JSON, and in sentences what a change adds to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from policies.least_privilege.access.holders import Holder, holders
from policies.least_privilege.access.inclusion import LEVELS, Access, described, effective, lifted, new_access, units
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
    """Return a value of a plan with `UNKNOWN` for whatever the preview couldn't know."""
    if value == _UNKNOWN:
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: _mark_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mark_unknowns(item) for item in value]
    return value


def accesses(plan: Json) -> list[Access]:
    """Return who may do what to what: a line for each holder, level and resource pattern.

    Raises:
        NotAPlan: what is given isn't a plan.
    """
    return [access for holder in holders(read_plan(plan), inputs=True).values() for access in _holder_accesses(holder)]


def _holder_accesses(holder: Holder) -> list[Access]:
    found = [Access(holder.name, why=f"has {why}") for why in dict.fromkeys(holder.unclear)]
    found += [
        Access(holder.name, why=f"has the policy `{arn}`, which isn't of this stack")
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


def sentences(found: Iterable[Access]) -> list[str]:
    """Return new access in sentences, each for all actions of one level and all resources with the same actions."""
    merged: dict[tuple[str, str, bool, str, str], list[str]] = defaultdict(list)
    for one in found:
        merged[one.holder, one.level, one.conditional, one.why, one.resource] += one.actions
    resources: dict[tuple[str, str, bool, str, str], list[str]] = defaultdict(list)
    for (holder, level, conditional, why, resource), actions in merged.items():
        resources[holder, level, conditional, why, _first_actions(actions)].append(_shown(resource))
    return [
        f"`{holder}` {why}."
        if why
        else f"This change lets `{holder}` {LEVELS[level]} {', '.join(shown)}"
        f"{' under a condition' if conditional else ''} ({actions})."
        for (holder, level, conditional, why, actions), shown in resources.items()
    ]


def as_json(found: Iterable[Access]) -> list[dict[str, Json]]:
    """Return accesses as JSON objects, without empty values."""
    return [
        {key: value for key, value in vars(one).items() if value not in ("", (), False)}
        | ({"actions": list(dict.fromkeys(one.actions))} if one.actions else {})
        for one in found
    ]


def table(found: Iterable[Access]) -> str:
    """Return accesses as a Markdown table: a row for each holder, service and set of resources."""
    levels: dict[tuple[str, str, str, bool], dict[str, None]] = defaultdict(dict)
    unclear = []
    for one in found:
        if one.why:
            unclear.append(f"- `{one.holder}` {one.why}.\n")
        else:
            levels[one.holder, one.actions[0].partition(":")[0], one.resource, one.conditional][one.level] = None
    rows: dict[tuple[str, str, str, bool], list[str]] = defaultdict(list)
    for (holder, service, resource, conditional), kinds in levels.items():
        ordered = ", ".join(level.lower() for level in LEVELS if level in kinds)
        rows[holder, service, ordered, conditional].append(_shown(resource))
    text = "| who | service | may | what |\n| --- | --- | --- | --- |\n"
    last = ""
    for (holder, service, ordered, conditional), shown in rows.items():
        who = f"`{holder}`" if holder != last else ""
        last = holder
        condition = ", under a condition" if conditional else ""
        text += f"| {who} | {service} | {ordered}{condition} | {'<br>'.join(dict.fromkeys(shown))} |\n"
    return text + ("\nNot decided:\n\n" + "".join(unclear) if unclear else "")


def page(plan: Json) -> str:
    """Return the access of a stack as a page of the documentation.

    Raises:
        NotAPlan: what is given isn't a plan.
    """
    return (
        "# Who may do what\n\nFrom the policies of the plan: identity policies within their boundaries, trust "
        "policies and resource policies.\n\n" + table(accesses(plan))
    )


def _shown(resource: str) -> str:
    if resource == "*":
        return "everything"
    parts = resource.split(":", 5)
    return f"`{parts[5]}`" if len(parts) == 6 and parts[5] else f"`{resource}`"


def _first_actions(actions: Sequence[str]) -> str:
    named = list(dict.fromkeys(actions))
    return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
