"""Tables of cases for a pack: a stack that passes, changes to it, and the rules that each change must break.

`stack.yaml` holds the stack; `cases.yaml` changes one value at a time; `stacks.yaml` changes several. The files explain
how their rows read.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest

from corpus.families import read
from tests.policies.analyzer import PROJECT, UNKNOWN, Json, Judge, Planned, Violation, secret

_ABSENT: Final = "ABSENT"


class Tables:
    """The tables in the folder of a pack's tests. `canaries` are values that no message may contain."""

    def __init__(self, folder: Path, canaries: Iterable[str] = ()) -> None:
        self._canaries = tuple(canaries)
        self.stack: dict[str, dict[str, Any]] = _table(folder / "stack.yaml")
        self.cases: list[dict[str, Any]] = _table(folder / "cases.yaml")
        self.stacks: list[dict[str, Any]] = _table(folder / "stacks.yaml")

    def parameters(self, outcome: str) -> Iterator[Any]:
        """Yield each row and value of `cases.yaml` with one outcome, `passes` or `fails`."""
        for number, row in enumerate(self.cases):
            for value in row[outcome]:
                yield pytest.param(row, value, id=f"{number}-{row['rule']}-{row['path']}-{str(value)[:50]}")

    def with_value(self, row: Mapping[str, Any], value: Json) -> dict[str, dict[str, Any]]:
        """Return the stack with one value of a row of `cases.yaml`."""
        changed = copy.deepcopy(self.stack[row["resource"]])
        change(changed["properties"], row["path"], value)
        return {**self.stack, row["resource"]: changed}

    def changed(self, row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the stack with the changes of a row of `stacks.yaml`."""
        stack = copy.deepcopy(self.stack) | copy.deepcopy(row.get("add", {}))
        for name, values in row.get("set", {}).items():
            for path, value in values.items():
                change(stack[name]["properties"], path, value)
        for key in ("references", "secret_outputs", "ignore_changes", "protect"):
            for name, value in row.get(key, {}).items():
                stack[name][key] = value
        return {name: entry for name, entry in stack.items() if name not in row.get("without", ())}

    def judged(self, judge: Judge, stack: Mapping[str, Mapping[str, Any]]) -> list[Violation]:
        """Judge a stack as in a preview, but skip resources that are unchanged from `stack.yaml`: they pass."""
        resources = planned(stack, judge.stack)
        found = judge.stack_of(resources)
        for item in resources:
            if json.dumps(stack[item.name]) != json.dumps(self.stack.get(item.name)):
                found += judge.resource(
                    item.type,
                    item.properties,
                    item.name,
                    item.protect,
                    secret_outputs=item.secret_outputs,
                    ignore_changes=item.ignore_changes,
                )
        assert {violation.level for violation in found} <= {"mandatory"}
        for violation in found:
            assert "The rule failed" not in violation.message
            assert len(violation.message) < 1000
            assert not any(canary in violation.message for canary in self._canaries)
        return found

    def tested_rules(self) -> set[str]:
        """Return the rules that at least one case breaks."""
        return {row["rule"] for row in self.cases if row["fails"]} | {
            rule for row in self.stacks for rule in row["rules"]
        }


def _table(file: Path) -> Any:  # noqa: ANN401 - as YAML has it
    # Through JSON, so that values that YAML shares under an alias can be changed in one place only.
    return json.loads(json.dumps(read(file)))


def expanded(value: Json) -> Json:
    """Return the value that an entry of a table stands for."""
    if isinstance(value, dict):
        if "SECRET" in value:
            return secret(expanded(value["SECRET"]))
        if "JSON" in value:
            return json.dumps(expanded(value["JSON"]))
        return {key: expanded(item) for key, item in value.items() if item != _ABSENT}
    if isinstance(value, list):
        return [expanded(item) for item in value]
    return UNKNOWN if value == "UNKNOWN" else value


def change(properties: dict[str, Json], path: str, value: Json) -> None:
    """Set the value at a dotted path; an empty path updates the properties; a list grows by at most one item."""
    if not path:
        for key, item in value.items():
            change(properties, key, item)
        return
    *way, last = path.split(".")
    at: Any = properties
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if isinstance(at, list):
        at[int(last) : int(last) + 1] = [value]
    elif value == _ABSENT:
        at.pop(last, None)
    else:
        at[last] = value


def planned(stack: Mapping[str, Mapping[str, Any]], environment: str = "prod") -> list[Planned]:
    """Return the resources of a stack as the engine would send them."""

    def urn(name: str) -> str:
        return f"urn:pulumi:{environment}::{PROJECT}::{stack[name]['type']}::{name}"

    return [
        _resource(
            name,
            json.dumps(entry),
            tuple(
                (key, tuple(urn(other) for other in names if other in stack))
                for key, names in entry.get("references", {}).items()
            ),
        )
        for name, entry in stack.items()
    ]


@lru_cache(maxsize=4096)
def _resource(name: str, text: str, references: tuple[tuple[str, tuple[str, ...]], ...]) -> Planned:
    """Return one resource, as the same object for each stack that has it, since most of `stack.yaml` never changes."""
    entry = json.loads(text)
    return Planned(
        entry["type"],
        expanded(entry["properties"]),
        name,
        protect=entry.get("protect", False),
        references=dict(references),
        secret_outputs=tuple(entry.get("secret_outputs", ())),
        ignore_changes=tuple(entry.get("ignore_changes", ())),
    )


def rules(found: Iterable[Violation]) -> set[str]:
    """Return the rules of violations."""
    return {item.rule for item in found}
