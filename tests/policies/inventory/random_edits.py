"""Random edits of a plan, and those of them that the gate lets pass.

`.venv/bin/python -m tests.policies.inventory.random_edits --count 10000` edits production's plan, lets the gate judge
each edit, and prints those that pass, by kind, with the reason from `passing_edits.yaml` or the table of types. Kinds
without a reason come first, and make the exit code 1.

An edit changes a value or a part of a policy document; adds or removes a property; or adds, copies or removes a
resource.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from corpus.families import read
from policies.inventory.agreement.sdk_types import sdk_types
from policies.inventory.properties import written
from policies.inventory.table import AGREED, Known, table
from tests import session
from tests.judged_plan import JudgedPlan, Planned, judged_plan, opened
from tests.policies.analyzer import UNKNOWN

Json: TypeAlias = Any
Option = TypeVar("Option")
Choose: TypeAlias = Callable[[Sequence[Option]], Option]
"""Picks one of several: `random.Random(seed).choice`, or the draw of a property test."""

FILE: Final = Path(__file__).with_name("passing_edits.yaml")


@dataclass(frozen=True)
class Edit:
    """One edit: its kind of change, the type and path (without list indexes), and the gate's verdict."""

    does: str
    """`changed to …`, `added as …`, `removed`, `resource added`, `resource copied` or `resource removed`."""
    type: str
    path: str
    value: Json
    resource: str
    stopped_by: frozenset[str]

    @property
    def kind(self) -> tuple[str, str, str]:
        """Type, path and kind of change; edits with the same are alike."""
        return self.type, self.path, self.does


# --- what is edited ---


def leaves_of(value: Json, place: str = "", path: str = "") -> Iterator[tuple[str, str, Json]]:
    """Yield place, path and value of everything in some inputs; a secret counts as one value."""
    value = opened(value)
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves_of(item, f"{place}.{key}" if place else key, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves_of(item, f"{place}.{index}", path)
    else:
        yield place, path, value


@cache
def values_at(plan: JudgedPlan) -> Mapping[str, list[Json]]:
    """Return path -> values there in the plan's resources and in the table: the other values that edits may set."""
    found: dict[str, list[Json]] = {}
    for resource in plan.resources:
        for _, path, value in leaves_of(resource.inputs):
            found.setdefault(path.rpartition(".")[2], []).append(value)
    return found


def other_values(plan: JudgedPlan, path: str, value: Json) -> list[tuple[str, Json]]:
    """Return the values that a value may be changed to, each with a name for its kind."""
    name = path.rpartition(".")[2]
    there = [other for other in values_at(plan).get(name, []) if other != value and type(other) is type(value)]
    options: list[tuple[str, Json]] = [("unknown", UNKNOWN), ("null", None)]
    options += [("one from elsewhere", other) for other in there[:40]]
    if isinstance(value, bool):
        options += [("the opposite", not value)]
    elif isinstance(value, int | float):
        options += [("more", value + 1), ("less", value - 1), ("much more", value * 1000 + 1), ("zero", 0)]
    elif isinstance(value, str) and value != UNKNOWN:
        options += [("another text", "changed"), ("more text", f"{value}x"), ("a star", "*"), ("less text", value[:-1])]
        options += [("another account", value.replace("123456789012", "999988887777"))]
        options += [("upper case", value.upper())]
    else:
        options += [("text", "changed"), ("number", 1), ("true", True)]
    options += [("a list", [value]), ("a mapping", {"added": value})]
    return [(kind, other) for kind, other in options if other != value]


def document_edits(text: str, choose: Choose[Json]) -> tuple[str, str, str]:
    """Return a change to a policy document: the path in it, the kind of change, and the new text."""
    document = json.loads(text)
    statement = choose(document["Statement"])
    parts = [key for key in statement if key not in ("Sid", "Effect")]
    options = ["statement removed", "Effect", *parts, *(f"{key} removed" for key in parts)]
    option: str = choose(options)
    if option == "statement removed":
        document["Statement"].remove(statement)
        return "Statement", "removed", json.dumps(document)
    if option == "Effect":
        statement["Effect"] = "Deny" if statement["Effect"] == "Allow" else "Allow"
        return "Statement.Effect", f"changed to {statement['Effect']}", json.dumps(document)
    key, _, removed = option.partition(" ")
    if removed:
        del statement[key]
        return f"Statement.{key}", "removed", json.dumps(document)
    values = statement[key] if isinstance(statement[key], list) else [statement[key]]
    if isinstance(statement[key], str | list):
        fewer = [("fewer", values[1:])] if len(values) > 1 else []
        kind, new = choose(
            [
                ("a star", "*"),
                ("more", [*values, "*"]),
                ("another text", "changed:It"),
                ("less text", values[0][:-1]),
                *fewer,
            ]
        )
        statement[key] = new
        return f"Statement.{key}", f"changed to {kind}", json.dumps(document)
    kind = choose(["a star", "empty", "unknown"])
    statement[key] = {"a star": "*", "empty": {}, "unknown": UNKNOWN}[kind]
    return f"Statement.{key}", f"changed to {kind}", json.dumps(document)


def is_document(value: Json) -> bool:
    """Tell whether a value is a policy document as JSON text."""
    return isinstance(value, str) and value.startswith("{") and '"Statement"' in value


# --- one edit, judged ---


def edit(plan: JudgedPlan, choose: Choose[Json]) -> Edit:
    """Make an edit of a plan and judge it."""
    does = choose(
        ["changed"] * 6 + ["added"] * 3 + ["removed", "resource added", "resource copied", "resource removed"]
    )
    if does == "resource added":
        type_ = choose(sdk_types())
        return _edit(plan, does, plan.added(type_, {}), "", None)
    # Components have no provider; `copied-secret` is the only rule that looks at them.
    resource: Planned = choose([made for made in plan.resources if made.asked.HasField("provider")])
    if does == "resource removed":
        stopped = frozenset(plan.without(resource))
        return Edit(does, resource.type, "", None, resource.name, stopped)
    if does == "resource copied":
        return _edit(plan, does, _copied(resource, choose), "", None)
    if does == "added":
        return _added(plan, resource, choose)
    places = list(leaves_of(resource.inputs))
    if not places:
        return _edit(plan, "unchanged", resource, "", None)
    place, path, value = choose(places)
    if does == "removed":
        return _edit(plan, does, resource.with_value(place, None), path, value)
    if is_document(value) and choose([True, True, True, False]):
        within, does, text = document_edits(value, choose)
        return _edit(plan, does, resource.with_value(place, text), f"{path}.{within}", text)
    kind, other = choose(other_values(plan, path, value))
    return _edit(plan, f"changed to {kind}", resource.with_value(place, other), path, other)


def _edit(plan: JudgedPlan, does: str, resource: Planned, path: str, value: Json) -> Edit:
    stopped = plan.stopped_alone_by(resource) or plan.stopped_by(resource)
    return Edit(does, resource.type, path, value, resource.name, frozenset(stopped))


def _copied(resource: Planned, choose: Choose[Json]) -> Planned:
    """Return a copy of a resource, with another physical name if it has one."""
    copied = resource.called(f"{resource.name}-more")
    name = next((key for key in ("name", "bucket") if isinstance(resource.inputs.get(key), str)), "")
    renamed = choose([True, True, False])
    return copied.with_value(name, f"{resource.inputs[name]}-more") if name and renamed else copied


def _added(plan: JudgedPlan, resource: Planned, choose: Choose[Json]) -> Edit:
    known = table().get(resource.type)
    inputs = resource.inputs
    there = {path for _, path, _ in leaves_of(inputs)}
    paths = sorted({path.replace(".**", "") for path in (known.properties if known else {})} - there - {"**"})
    path: str = choose([*paths, "added"])
    verdict = known.judge(path) if known else None
    accepted = [_plain(word) for word in verdict.words] if verdict and verdict.verb == "only" else []
    elsewhere = values_at(plan).get(path.rpartition(".")[2], [])[:40]
    value = choose([*accepted, *elsewhere, True, False, 1, 0, "added", "*", ["added"], {"added": "added"}, UNKNOWN])
    return _edit(plan, f"added as {_kind(value)}", resource.with_value(_place(inputs, path), value), path, value)


def _plain(word: str) -> Json:
    return {"true": True, "false": False}.get(word, int(word) if word.isdecimal() else word)


def _place(inputs: Json, path: str) -> str:
    """Return the place of a path in some inputs; in lists it is the first item."""
    steps: list[str] = []
    for step in path.split("."):
        while isinstance(inputs := opened(inputs), list):
            if not inputs:
                break
            steps.append("0")
            inputs = inputs[0]
        steps.append(step)
        inputs = inputs.get(step) if isinstance(inputs, dict) else None
    return ".".join(steps)


def _kind(value: Json) -> str:
    if value == UNKNOWN:
        return "unknown"
    return {bool: str(value).lower(), str: "text", list: "a list", dict: "a mapping"}.get(type(value), "a number")


# --- why it passes ---


@dataclass(frozen=True)
class Reason:
    """Why edits of a kind pass. Each of `types`, `paths` and `does` is a pattern with `*`, or several."""

    types: tuple[str, ...]
    paths: tuple[str, ...]
    does: tuple[str, ...]
    reason: str

    def covers(self, edit: Edit) -> bool:
        """Tell whether an edit is of this kind."""
        parts = ((self.types, edit.type), (self.paths, edit.path), (self.does, edit.does))
        return all(any(fnmatchcase(text, pattern) for pattern in patterns) for patterns, text in parts)


@cache
def reasons() -> tuple[Reason, ...]:
    """Return the reasons of `passing_edits.yaml`."""
    rows = read(FILE)
    return tuple(
        Reason(
            tuple(row.get("types", "*").split()),
            tuple(row.get("paths", "*").split()),
            tuple(row.get("does", ["*"])),
            row["reason"],
        )
        for row in rows
    )


def why(edit: Edit) -> str:
    """Return why an edit that passes is harmless; empty if no reason is written down."""
    known = table().get(edit.type)
    if known and edit.path and (said := _by_the_table(known, edit)):
        return said
    return next((reason.reason for reason in reasons() if reason.covers(edit)), "")


def _by_the_table(known: Known, edit: Edit) -> str:
    verdict = known.judge(edit.path)
    if verdict and verdict.verb == "free":
        return f"free: {verdict.text}"
    if verdict and verdict.verb == AGREED:
        return f"another value that is agreed: {verdict.text}"
    if verdict and verdict.verb == "only" and written(edit.value) in verdict.words:
        return f"one of the values that are agreed: {verdict.text}"
    return ""


# --- the command ---


def main() -> int:
    """Make edits and print those that pass, by kind; return 1 if one of them has no reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.policies.inventory.random_edits", description=__doc__)
    parser.add_argument("--stack", default="prod", help="the stack (default: prod)")
    parser.add_argument("--count", type=int, default=1000, help="how many edits (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="which edits (default: 1)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault(session.FOLDER, folder)
        plan = judged_plan(arguments.stack)
    choose = random.Random(arguments.seed).choice
    edits = [edit(plan, choose) for _ in range(arguments.count)]
    passed = [one for one in edits if not one.stopped_by]
    kinds = Counter((*one.kind, why(one)) for one in passed)
    for (type_, path, does, reason), count in sorted(kinds.items(), key=lambda item: (not item[0][3], item[0])):
        print(f"{count:5}  {type_}  {path or '-'}  {does}: {reason or 'NO REASON'}")
    unexplained = sum(count for (*_, reason), count in kinds.items() if not reason)
    print(
        f"{len(edits)} edits: {len(edits) - len(passed)} stopped, {len(passed)} passed in {len(kinds)} kinds, "
        f"{unexplained} of them without a reason"
    )
    return int(bool(unexplained))


if __name__ == "__main__":
    sys.exit(main())
