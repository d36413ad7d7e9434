"""The tables beside this file: what the entry-points pack lets pass and what it refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.policies.analyzer import PROJECT, UNKNOWN, Json, Judge, Planned, StartPack, Violation, secret

_ABSENT: Final = "ABSENT"


def table(name: str) -> Any:  # noqa: ANN401 - as YAML has it
    # By way of JSON, so that what YAML has once, under an alias, can be changed in one place only.
    return json.loads(json.dumps(yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))))


STACK: Final[dict[str, dict[str, Any]]] = table("stack.yaml")
CASES: Final[list[dict[str, Any]]] = table("cases.yaml")
STACKS: Final[list[dict[str, Any]]] = table("stacks.yaml")


def meant(value: Json) -> Json:
    """Return what a value of a table stands for."""
    if isinstance(value, dict):
        if "SECRET" in value:
            return secret(meant(value["SECRET"]))
        return {key: meant(item) for key, item in value.items() if item != _ABSENT}
    if isinstance(value, list):
        return [meant(item) for item in value]
    return UNKNOWN if value == "UNKNOWN" else value


def change(properties: dict[str, Json], path: str, value: Json) -> None:
    """Set the value at a dotted path; an empty path updates the properties; a list grows by one item at most."""
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
        Planned(
            entry["type"],
            meant(entry["properties"]),
            name,
            references={
                key: [urn(other) for other in names if other in stack]
                for key, names in entry.get("references", {}).items()
            },
            secret_outputs=tuple(entry.get("secret_outputs", ())),
        )
        for name, entry in stack.items()
    ]


def changed(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the stack with the changes of a row of `stacks.yaml`."""
    stack = copy.deepcopy(STACK) | copy.deepcopy(row.get("add", {}))
    for name, values in row.get("set", {}).items():
        for path, value in values.items():
            change(stack[name]["properties"], path, value)
    for key in ("references", "secret_outputs"):
        for name, value in row.get(key, {}).items():
            stack[name][key] = value
    return {name: entry for name, entry in stack.items() if name not in row.get("without", ())}


def judged(judge: Judge, stack: Mapping[str, Mapping[str, Any]]) -> list[Violation]:
    """Judge a stack as in a preview, but for the resources that are as in `stack.yaml`, about which nothing is said."""
    resources = planned(stack, judge.stack)
    found = judge.stack_of(resources)
    for item in resources:
        if json.dumps(stack[item.name]) != json.dumps(STACK.get(item.name)):
            found += judge.resource(item.type, item.properties, item.name, secret_outputs=item.secret_outputs)
    assert {violation.level for violation in found} <= {"mandatory"}
    for violation in found:
        assert "The rule failed" not in violation.message
        assert len(violation.message) < 1000
        assert "deadbeef" not in violation.message
        assert "canary" not in violation.message
    return found


def cases(outcome: str) -> Iterator[Any]:
    for number, row in enumerate(CASES):
        for value in row[outcome]:
            yield pytest.param(row, value, id=f"{number}-{row['rule']}-{row['path']}-{str(value)[:50]}")


def with_value(row: Mapping[str, Any], value: Json) -> dict[str, dict[str, Any]]:
    stack = copy.deepcopy(STACK)
    change(stack[row["resource"]]["properties"], row["path"], value)
    return stack


def rules(found: Iterable[Violation]) -> set[str]:
    return {item.rule for item in found}


@pytest.mark.parametrize(("row", "value"), list(cases("passes")))
def test_passes(pack: StartPack, row: dict[str, Any], value: Json) -> None:
    found = judged(pack("entry_points"), with_value(row, value))
    assert not found, [item.message for item in found]


@pytest.mark.parametrize(("row", "value"), list(cases("fails")))
def test_fails(pack: StartPack, row: dict[str, Any], value: Json) -> None:
    found = judged(pack("entry_points"), with_value(row, value))
    expected = {row["rule"], *row.get("also", ())}
    assert rules(found) == expected


@pytest.mark.parametrize("row", STACKS, ids=lambda row: row["id"])
def test_stack(pack: StartPack, row: dict[str, Any]) -> None:
    assert rules(judged(pack("entry_points"), changed(row))) == set(row["rules"])


def test_nothing_about_the_stack_as_it_is(pack: StartPack) -> None:
    assert pack("entry_points").everything(planned(STACK)) == []


def test_every_rule_has_cases(pack: StartPack) -> None:
    tested = {row["rule"] for row in CASES if row["fails"]} | {rule for row in STACKS for rule in row["rules"]}
    assert tested == set(pack("entry_points").rules)
