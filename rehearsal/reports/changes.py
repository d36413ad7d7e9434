"""Finds changes: between two plans or, in a plan of the real engine, against the state."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from rehearsal.reports.create_only import create_only
from stackfiles.json_type import Json
from stackfiles.plan_document import ROOT_TYPE, UNKNOWN, PlanDocument, State, Step

CREATE: Final = "create"
UPDATE: Final = "update"
REPLACE: Final = "replace"
DELETE: Final = "delete"

_OPS: Final[Mapping[str, str]] = {
    "create": CREATE,
    "import": CREATE,
    "update": UPDATE,
    "replace": REPLACE,
    "delete": DELETE,
}
"""The engine's operations that are changes. `create-replacement`, `delete-replaced` and the like are parts of a
`replace`; `same`, `read` and `refresh` change nothing (pkg/resource/deploy/step.go)."""

_COMPARED: Final = ("parent", "protect", "retainOnDelete", "deletedWith", "ignoreChanges", "importID")
"""What is compared in addition to the inputs. Changes of dependencies and source positions have no effect."""

_BUCKET: Final = "aws:s3/bucket:Bucket"

_ABSENT: Final = "(none)"

_KEY: Final = 60
"""How many characters of an element a path shows."""


@dataclass(frozen=True)
class Property:
    """One property of a resource: its path, and its value before and after as short text."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One resource that is created, updated, replaced or deleted, its parent, and its outermost component.

    `source` is `project:///FILE#LINE`, or empty. `old` and `new` are the resource before and after, if it exists then;
    `before` is its previous URN, if an alias gives it another one. `forced` are the inputs that force its replacement,
    and `old_first` says whether the old one is deleted before the new one is created.
    """

    op: str
    urn: str
    parent: str
    component: str
    properties: tuple[Property, ...] = ()
    source: str = ""
    old: State | None = None
    new: State | None = None
    before: str = ""
    forced: tuple[str, ...] = ()
    old_first: bool = False


def compare(base: PlanDocument, plan: PlanDocument) -> list[Change]:
    """Return how a plan differs from a base plan, resource by resource.

    Secret values aren't compared, because both plans mask them.
    """
    olds, news = _states(base), _states(plan)
    parents = _parents([*base["steps"], *plan["steps"]])
    moved = _moved(olds, news)
    gone = [urn for urn in olds if urn not in news and urn not in moved.values()]
    changes = []
    for urn in [*news, *gone]:
        before = moved.get(urn, urn)
        old, new = olds.get(before), news.get(urn)
        properties = tuple(_differences(_compared(old), _compared(new))) if old and new else ()
        if old and new and not properties:
            continue
        forced = tuple(_forced(old, new)) if old and new else ()
        op = REPLACE if forced else UPDATE if old and new else CREATE if new else DELETE
        change = Change(op, urn, parents[urn], _outermost(urn, parents), properties, _source(new or old), old, new)
        old_first = op == REPLACE and new is not None and _old_first(new)
        changes.append(replace(change, before=moved.get(urn, ""), forced=forced, old_first=old_first))
    return changes


def _moved(olds: Mapping[str, State], news: Mapping[str, State]) -> dict[str, str]:
    """Return the resources that had another URN before: URN -> previous URN.

    That is one of its aliases, or follows from an alias of its parent (inheritedChildAlias in
    pkg/resource/deploy/step_generator.go of pulumi/pulumi).
    """
    moved: dict[str, str] = {}
    for urn, state in news.items():
        aliases = list(state.get("aliases", []))
        parent = state.get("parent", "")
        if parent in moved:
            stack, project, types, parent_name = moved[parent].split("::", 3)
            name, old_name = urn.split("::", 3)[3], parent.split("::", 3)[3]
            if name.startswith(old_name):
                name = parent_name + name.removeprefix(old_name)
            aliases.append(f"{stack}::{project}::{types}${state['type']}::{name}")
        if urn not in olds and (before := next((one for one in aliases if one in olds and one not in news), "")):
            moved[urn] = before
    return moved


def _forced(old: State, new: State) -> Iterator[str]:
    """Yield the inputs that differ and can't be changed in place, or for which the program demands a replacement."""
    given = {path.partition(".")[0].partition("[")[0] for path in new.get("replaceOnChanges", [])}
    fixed = {*create_only(new["type"]).get("replaces", ()), *given}
    before, after = old.get("inputs", {}), new.get("inputs", {})
    for name in sorted({*before, *after} - {*new.get("ignoreChanges", [])}):
        if (name in fixed or "*" in given) and before.get(name) != after.get(name):
            yield name


def _old_first(state: State) -> bool:
    """Return whether the old resource is deleted first: if the program says so, or else if the program sets its name.

    The latter is the provider's default, even if the name changes (nameRequiresDeleteBeforeReplace in
    pkg/tfbridge/schema.go of pulumi/pulumi-terraform-bridge).
    """
    return state.get("deleteBeforeReplace", _given_name(state) is not None)


def _given_name(state: State) -> Json:
    """Return the name that the program sets for a resource that could have a generated one; None if it sets none."""
    given = "bucket" if state["type"] == _BUCKET else "name"
    return state.get("inputs", {}).get(given) if given in create_only(state["type"]).get("name", ()) else None


def planned_changes(plan: PlanDocument) -> list[Change]:
    """Return the changes in a plan itself: everything on an empty account, otherwise the differences from the state."""
    parents = _parents(plan["steps"])
    changes = []
    for step in plan["steps"]:
        if step["op"] in _OPS:
            urn, old, new = step["urn"], step.get("oldState"), step.get("newState")
            properties = tuple(_differences(_compared(old), _compared(new))) if old and new else ()
            op, component = _OPS[step["op"]], _outermost(urn, parents)
            before = old["urn"] if old and old["urn"] != urn else ""
            change = Change(op, urn, parents[urn], component, properties, _source(new or old), old, new, before)
            # The real engine doesn't tell the order. A new name is taken to mean that the new resource comes first.
            kept = op == REPLACE and old and new and _given_name(old) == _given_name(new)
            old_first = bool(kept and new and _old_first(new))
            changes.append(replace(change, forced=tuple(step.get("replaceReasons", ())), old_first=old_first))
    return changes


def _states(plan: PlanDocument) -> dict[str, State]:
    return {step["urn"]: step["newState"] for step in plan["steps"] if step.get("newState")}


def _source(state: State | None) -> str:
    return state.get("sourcePosition", "") if state else ""


def _parents(steps: Sequence[Step]) -> dict[str, str]:
    states = {step["urn"]: step.get("newState") or step.get("oldState") for step in steps}
    return {urn: state.get("parent", "") if state else "" for urn, state in states.items()}


def _outermost(urn: str, parents: Mapping[str, str]) -> str:
    """Return the component directly below the stack that contains a resource, or the resource itself."""
    while (parent := parents.get(urn, "")) and f"::{ROOT_TYPE}::" not in parent:
        urn = parent
    return urn


def _compared(state: State) -> dict[str, Json]:
    given = cast(Mapping[str, Json], state)
    options = {f"({key})": given[key] for key in _COMPARED if given.get(key)}
    inputs = {key: value for key, value in state.get("inputs", {}).items() if not key.startswith("__")}
    return {**inputs, **options}


def _differences(old: Json, new: Json, path: str = "") -> Iterator[Property]:
    if old == new:
        return
    old, new = _parsed(old), _parsed(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if old.get(key, _ABSENT) != new.get(key, _ABSENT):
                yield from _differences(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) != len(new):
        # Statements are matched by their ids; other elements are only shown if they were added or removed.
        olds, news = _elements(old), _elements(new)
        for element in [*olds, *(element for element in news if element not in olds)]:
            before, after = olds.get(element, _ABSENT), news.get(element, _ABSENT)
            # For a text, the added or removed value identifies it, so the path needn't.
            shown = "" if isinstance(before, str) and isinstance(after, str) else element[0][:_KEY]
            yield from _differences(before, after, f"{path}[{shown}]")
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    else:
        yield Property(path, _text(old), _text(new))


def _elements(values: Sequence[Json]) -> dict[tuple[str, int], Json]:
    """Return a list's elements by what identifies them: a statement's id, or else the whole element, and a count."""
    found: dict[tuple[str, int], Json] = {}
    seen: Counter[str] = Counter()
    for value in values:
        key = str(value["Sid"]) if isinstance(value, dict) and "Sid" in value else _text(value)
        found[key, seen[key]] = value
        seen[key] += 1
    return found


def _parsed(value: Json) -> Json:
    """Parse a text that is JSON, such as an IAM policy, so that the statement that changed is shown alone."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            parsed: Json = json.loads(value)
            return parsed
    return value


def _text(value: Json) -> str:
    if value == _ABSENT:
        return _ABSENT
    if value == UNKNOWN:
        return "(known when it is applied)"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text.replace(UNKNOWN, "(known when it is applied)")
