"""What changes: between two plans, or against the state where the real engine made the plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.plan import ROOT_TYPE
from rehearsal.properties import UNKNOWN, Json

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
"""What is compared beside the inputs; dependencies and source positions change without an effect."""

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


def between(base: Mapping[str, Any], plan: Mapping[str, Any]) -> list[Change]:
    """Return what a plan has other than a base plan, resource by resource.

    Secret values aren't compared: both plans hide them. Both are documents in the format of `pulumi preview --json`.
    """
    olds, news = _states(base), _states(plan)
    parents = _parents([*base.get("steps", []), *plan.get("steps", [])])
    changes = []
    for urn in [*news, *(urn for urn in olds if urn not in news)]:
        old, new = olds.get(urn), news.get(urn)
        properties = tuple(_differences(_compared(old), _compared(new))) if old and new else ()
        if old and new and not properties:
            continue
        op = UPDATE if old and new else CREATE if new else DELETE
        source = str((new or old or {}).get("sourcePosition", ""))
        changes.append(Change(op, urn, parents[urn], _outermost(urn, parents), properties, source))
    return changes


def planned(plan: Mapping[str, Any]) -> list[Change]:
    """Return the changes that a plan itself has: all of it on an empty account, else what differs from the state."""
    parents = _parents(plan.get("steps", []))
    return [
        Change(
            _OPS[step["op"]],
            step["urn"],
            parents[step["urn"]],
            _outermost(step["urn"], parents),
            tuple(_differences(_compared(step["oldState"]), _compared(step["newState"])))
            if step.get("oldState") and step.get("newState")
            else (),
            str((step.get("newState") or step.get("oldState") or {}).get("sourcePosition", "")),
        )
        for step in plan.get("steps", [])
        if step["op"] in _OPS
    ]


def _states(plan: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {step["urn"]: step["newState"] for step in plan.get("steps", []) if step.get("newState")}


def _parents(steps: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {
        step["urn"]: state.get("parent", "")
        for step in steps
        for state in (step.get("newState") or step.get("oldState") or {},)
    }


def _outermost(urn: str, parents: Mapping[str, str]) -> str:
    """Return the resource just below the stack that a resource is, or is in."""
    while (parent := parents.get(urn, "")) and f"::{ROOT_TYPE}::" not in parent:
        urn = parent
    return urn


def _compared(state: Mapping[str, Any] | None) -> dict[str, Json]:
    state = state or {}
    options = {f"({key})": state[key] for key in _COMPARED if state.get(key)}
    inputs = {key: value for key, value in state.get("inputs", {}).items() if not key.startswith("__")}
    return {**inputs, **options}


def _differences(old: Json, new: Json, path: str = "") -> Iterator[Property]:
    if old == new:
        return
    old, new = _parsed(old), _parsed(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            if old.get(key, _ABSENT) != new.get(key, _ABSENT):
                yield from _differences(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) != len(new):
        # Statements go by their ids; of other elements it is said which came and which went.
        olds, news = _elements(old), _elements(new)
        for key in [*olds, *(key for key in news if key not in olds)]:
            yield from _differences(olds.get(key, _ABSENT), news.get(key, _ABSENT), f"{path}[{key}]")
    elif isinstance(old, list) and isinstance(new, list):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    else:
        yield Property(path, _text(old), _text(new))


def _elements(values: Sequence[Json]) -> dict[str, Json]:
    """Return a list's elements by what they are known by: a statement's id, otherwise the element itself."""
    return {
        str(value["Sid"]) if isinstance(value, Mapping) and "Sid" in value else _text(value)[:_KEY]: value
        for value in values
    }


def _parsed(value: Json) -> Json:
    """Return the document that a text is, such as an IAM policy, so that the statement that changed is shown alone."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _text(value: Json) -> str:
    if value == _ABSENT:
        return _ABSENT
    if value == UNKNOWN:
        return "(known when it is applied)"
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text.replace(UNKNOWN, "(known when it is applied)")
