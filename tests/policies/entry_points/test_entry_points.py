"""The tables beside this file: what the entry-points pack lets pass, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.policies.analyzer import Json, StartPack
from tests.policies.tables import Tables, planned, rules

TABLES: Final = Tables(Path(__file__).parent, canaries=("deadbeef", "canary"))


@pytest.mark.parametrize(("row", "value"), list(TABLES.parameters("passes")))
def test_listed_values_pass(pack: StartPack, row: dict[str, Any], value: Json) -> None:
    found = TABLES.judged(pack("entry_points"), TABLES.with_value(row, value))
    assert not found, [item.message for item in found]


@pytest.mark.parametrize(("row", "value"), list(TABLES.parameters("fails")))
def test_listed_values_break_their_rule(pack: StartPack, row: dict[str, Any], value: Json) -> None:
    found = TABLES.judged(pack("entry_points"), TABLES.with_value(row, value))
    expected = {row["rule"], *row.get("also", ())}
    assert rules(found) == expected


@pytest.mark.parametrize("row", TABLES.stacks, ids=lambda row: row["id"])
def test_changed_stacks_break_the_listed_rules(pack: StartPack, row: dict[str, Any]) -> None:
    assert rules(TABLES.judged(pack("entry_points"), TABLES.changed(row))) == set(row["rules"])


def test_the_unchanged_stack_passes(pack: StartPack) -> None:
    assert pack("entry_points").everything(planned(TABLES.stack)) == []


def test_every_rule_has_cases(pack: StartPack) -> None:
    assert TABLES.tested_rules() == set(pack("entry_points").rules)
