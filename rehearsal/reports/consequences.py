"""Finds what a change destroys, what it replaces, and why it can't succeed; reports show this first.

A plan that passes every policy can still fail half-way: the engine refuses to remove protected resources, and AWS
refuses a second resource of the same name and the deletion of resources that others refer to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rehearsal.reports.changes import CREATE, DELETE, REPLACE, Change
from rehearsal.reports.create_only import create_only
from stackfiles.plan_document import UNKNOWN, PlanDocument, State, resource_label
from stackfiles.visible_text import visible_line

IMPOSSIBLE: Final = "can't succeed"
DESTROYED: Final = "destroyed"
REPLACED: Final = "replaced"
KINDS: Final = (IMPOSSIBLE, DESTROYED, REPLACED)
"""The worst first."""

_Name = tuple[str, ...]
"""Type, provider, region, and the inputs that name a resource."""


@dataclass(frozen=True)
class Consequence:
    """What happens to a resource (one of `KINDS`), and why. `source` is `project:///FILE#LINE`, or empty."""

    kind: str
    urn: str
    text: str
    source: str

    @property
    def line(self) -> str:
        """The consequence as one line of plain text."""
        prefix = f"{IMPOSSIBLE}: " if self.kind == IMPOSSIBLE else ""
        return visible_line(f"{prefix}{resource_label(self.urn)} {self.text}")


def consequences(found: Sequence[Change], plan: PlanDocument, base: PlanDocument | None = None) -> list[Consequence]:
    """Return the consequences of a plan's changes, the worst first.

    Args:
        found: The changes, from `changes.compare` or `changes.planned_changes`.
        plan: The plan.
        base: The plan that it is compared with, if any; a plan of the real engine contains the state itself.
    """
    news = {step["urn"]: step["newState"] for step in plan["steps"] if step.get("newState")}
    olds = [step["newState"] for step in base["steps"] if step.get("newState")] if base else []
    olds = olds or [step["oldState"] for step in plan["steps"] if step.get("oldState")]
    held = _holders([*olds, *news.values()])
    result = [
        Consequence(kind, change.urn, text, change.source)
        for change in found
        if (state := change.new or change.old) and state["custom"]
        for kind, text in (*_removal(change), *_collision(change, held), *_replacement(change, news))
    ]
    return sorted(result, key=lambda consequence: KINDS.index(consequence.kind))


def _removal(change: Change) -> Iterator[tuple[str, str]]:
    """Yield the consequences of deleting a resource, or of replacing a protected one."""
    if change.op not in (DELETE, REPLACE) or not change.old:
        return
    if change.old.get("protect"):
        what = "removed" if change.op == DELETE else f"replaced{_because(change)}"
        yield IMPOSSIBLE, f"is protected, and would be {what}. Remove `protect` first, and apply that."
    elif change.op == DELETE and not change.old.get("retainOnDelete"):
        yield DESTROYED, "is removed."


def _collision(change: Change, held: Mapping[_Name, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield a name collision: a new resource has the same name as another one that still exists at that time."""
    name = _name(change.new) if change.op in (CREATE, REPLACE) and change.new else None
    other = next((urn for urn in held[name] if urn not in (change.urn, change.before)), "") if name else ""
    if name and other:
        yield (
            IMPOSSIBLE,
            f"has the same name, `{name[3]}`, as {resource_label(other)}. If they are the same resource, add an alias; "
            "otherwise give it another name, or remove the other one first.",
        )


def _replacement(change: Change, news: Mapping[str, State]) -> Iterator[tuple[str, str]]:
    """Yield how a resource is replaced. AWS doesn't delete one that others refer to, nor allow two with one name."""
    if change.op != REPLACE or not change.old or not change.new or change.old.get("protect"):
        return
    name = _name(change.new)
    same = bool(name) and name == _name(change.old)
    because = f"{_because(change)}{' under its fixed name' if same else ''}"
    if change.old_first and (users := _users(change, news)):
        named = " and ".join(map(resource_label, users))
        yield (
            IMPOSSIBLE,
            f"would be replaced{because}, so the old one has to be deleted first, but AWS doesn't delete it while "
            f"{named} refers to it. Give it another name and `delete_before_replace=False`.",
        )
    elif change.old_first:
        yield REPLACED, f"is replaced{because}: the old one is deleted, then a new one is created."
    elif same:
        yield IMPOSSIBLE, f"would be replaced{because}, which the old one still has then. Give it another name."
    else:
        yield REPLACED, f"is replaced{because}: a new one is created, then the old one is deleted."


def _because(change: Change) -> str:
    return f" because of {', '.join(f'`{name}`' for name in change.forced)}" if change.forced else ""


def _holders(states: Sequence[State]) -> dict[_Name, list[str]]:
    """Return the resources that have a name, before or after: name -> URNs."""
    held: dict[_Name, list[str]] = {}
    for state in states:
        name = _name(state)
        if name and state["urn"] not in held.setdefault(name, []):
            held[name].append(state["urn"])
    return held


def _name(state: State) -> _Name | None:
    """Return the inputs that name a resource in AWS; None if only AWS or the engine knows its name."""
    inputs = state.get("inputs", {})
    values = [inputs.get(key) for key in create_only(state["type"]).get("name", ())]
    if not values or not all(isinstance(value, str) and UNKNOWN not in value for value in values):
        return None
    provider = state.get("provider", "").rpartition("::")[0]
    return (state["type"], provider, str(inputs.get("region", "")), *map(str, values))


def _users(change: Change, news: Mapping[str, State]) -> list[str]:
    """Return the resources that refer to a resource and so keep AWS from deleting it.

    Resources whose reference is an output and can't be changed in place don't count, because the engine deletes them
    first (calculateDependentReplacements in pkg/resource/deploy/step_generator.go of pulumi/pulumi).
    """
    known = create_only(change.urn.split("::")[2].rpartition("$")[2])
    texts = [
        known["known_as"].format_map({"path": "/", **state.get("inputs", {})})
        for state in (change.old, change.new)
        if state and "known_as" in known and _name(state)
    ]
    return [
        urn
        for urn, state in news.items()
        if state["type"] in known.get("used_by", ()) and _keeps(state, change.urn, texts)
    ]


def _keeps(state: State, urn: str, texts: Sequence[str]) -> bool:
    """Return whether a resource still refers to another one, by its outputs or by a text that names it."""
    inputs = {name for name, urns in state.get("propertyDependencies", {}).items() if urn in urns}
    if inputs & {*create_only(state["type"]).get("replaces", ())}:
        return False
    given = [value for value in state.get("inputs", {}).values() if isinstance(value, str)]
    return bool(inputs) or any(value == text or value.endswith(f":{text}") for value in given for text in texts)
