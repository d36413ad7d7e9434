"""The tables of `cases.yaml`: what each rule lets pass, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from corpus.families import read
from policies.naming.taggable import TAGGABLE
from tests.policies.analyzer import UNKNOWN, Json, StartPack, secret

_ABSENT: Final = "ABSENT"
_HUGE: Final = 100_000

TABLES: Final[list[dict[str, Any]]] = read(Path(__file__).with_name("cases.yaml"))


def expanded(value: Json) -> Json:
    """Return the value that an entry of `cases.yaml` stands for."""
    if isinstance(value, dict):
        return (
            secret(expanded(value["SECRET"]))
            if "SECRET" in value
            else {key: expanded(item) for key, item in value.items()}
        )
    if isinstance(value, list):
        return [expanded(item) for item in value]
    if isinstance(value, str) and value.startswith("LONG "):
        return value.removeprefix("LONG ") + "a" * _HUGE
    return UNKNOWN if value == "UNKNOWN" else value


def cases(outcome: str) -> Iterator[Any]:
    """Yield the resources with one outcome, each with rules, stack, type and logical name of its table."""
    for table in TABLES:
        for value in table[outcome]:
            given = {table["property"]: value} if "property" in table else value
            properties = {**table.get("with", {}), **given}
            if table["type"] in TAGGABLE and "tags" not in properties:
                properties["tags"] = tags(table.get("stack", "prod"))
            properties = {key: expanded(item) for key, item in properties.items() if item != _ABSENT}
            stack, name = table.get("stack", "prod"), table.get("name", "it")
            yield pytest.param(
                {table["rule"], *table.get("also", [])},
                stack,
                table["type"],
                name,
                properties,
                id=f"{table['rule']}-{str(value)[:60]}",
            )


def tags(environment: str) -> dict[str, Json]:
    """Return the required tags."""
    return {"Project": "p", "Environment": environment, "Component": "c", "ManagedBy": "pulumi"}


@pytest.mark.parametrize(("rules", "stack", "type_", "name", "properties"), list(cases("passes")))
def test_listed_resources_pass(
    pack: StartPack, rules: set[str], stack: str, type_: str, name: str, properties: dict[str, Json]
) -> None:
    assert pack("naming", stack).resource(type_, properties, name) == []


@pytest.mark.parametrize(("rules", "stack", "type_", "name", "properties"), list(cases("fails")))
def test_listed_resources_break_their_rules(
    pack: StartPack, rules: set[str], stack: str, type_: str, name: str, properties: dict[str, Json]
) -> None:
    found = pack("naming", stack).resource(type_, properties, name)
    assert {item.rule for item in found} == rules
    assert {item.level for item in found} == {"mandatory"}
    assert all("The rule failed" not in item.message and len(item.message) < 1000 for item in found)


def test_every_rule_about_one_resource_has_cases(pack: StartPack) -> None:
    assert {table["rule"] for table in TABLES} == set(pack("naming").rules) - {"duplicate-name"}
