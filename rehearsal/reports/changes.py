"""What changes: between two plans, or against the state where the real engine made the plan."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

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
"""What is compared beside the inputs. Dependencies and source positions aren't: they change without an effect."""

_ABSENT: Final = "(none)"

_KEY: Final = 60
"""Characters of an element that stand for it in a path."""


@dataclass(frozen=True)
class Property:
    """One property of a resource: its path, and its value before and after as short text."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One resource that is created, updated, replaced or deleted, its parent, and the outermost component it is in.

    `source` is `project:///FILE#LINE`, or empty.
    """

    op: str
    urn: str
    parent: str
    component: str
    properties: tuple[Property, ...] = ()
    source: str = ""


def between(base: PlanDocument, plan: PlanDocument) -> list[Change]:
    """Return how a plan differs from a base plan, resource by resource.

    Secret values aren't compared: both plans hide them.
    """
    olds, news = _states(base), _states(plan)
    parents = _parents([*base["steps"], *plan["steps"]])
    changes = []
    for urn in [*news, *(urn for urn in olds if urn not in news)]:
        old, new = olds.get(urn), news.get(urn)
        properties = tuple(_differences(_compared(old), _compared(new))) if old and new else ()
        if old and new and not properties:
            continue
        op = UPDATE if old and new else CREATE if new else DELETE
        changes.append(Change(op, urn, parents[urn], _outermost(urn, parents), properties, _source(new or old)))
    return changes


def planned(plan: PlanDocument) -> list[Change]:
    """Return the changes that a plan itself has: all of it on an empty account, else what differs from the state."""
    parents = _parents(plan["steps"])
    changes = []
    for step in plan["steps"]:
        if step["op"] in _OPS:
            urn, old, new = step["urn"], step.get("oldState"), step.get("newState")
            properties = tuple(_differences(_compared(old), _compared(new))) if old and new else ()
            op, component = _OPS[step["op"]], _outermost(urn, parents)
            changes.append(Change(op, urn, parents[urn], component, properties, _source(new or old)))
    return changes


def _states(plan: PlanDocument) -> dict[str, State]:
    return {step["urn"]: step["newState"] for step in plan["steps"] if step.get("newState")}


def _source(state: State | None) -> str:
    return state.get("sourcePosition", "") if state else ""


def _parents(steps: Sequence[Step]) -> dict[str, str]:
    states = {step["urn"]: step.get("newState") or step.get("oldState") for step in steps}
    return {urn: state.get("parent", "") if state else "" for urn, state in states.items()}


def _outermost(urn: str, parents: Mapping[str, str]) -> str:
    """Return the component just below the stack that a resource is in, or the resource itself."""
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
        # Statements are matched by their ids; of other elements only those that came or went are shown.
        olds, news = _elements(old), _elements(new)
        for key in [*olds, *(key for key in news if key not in olds)]:
            yield from _differences(olds.get(key, _ABSENT), news.get(key, _ABSENT), f"{path}[{key}]")
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    else:
        yield Property(path, _text(old), _text(new))


def _elements(values: Sequence[Json]) -> dict[str, Json]:
    """Return a list's elements by a key: a statement's id, otherwise the beginning of the element itself."""
    return {
        str(value["Sid"]) if isinstance(value, dict) and "Sid" in value else _text(value)[:_KEY]: value
        for value in values
    }


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
