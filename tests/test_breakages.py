"""Each deliberate breakage of the real program or configuration is stopped by the rule that exists for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.breakages import ADDITIONS, BREAKAGES, together
from tests.planning import copy_project, rehearse
from tests.session import shared

OTHER_ROWS: Final = 10
"""How many rows may be new or removed before they have to be recorded again."""


@cache
def stopped_additions(stack: str) -> Mapping[str, list[str]]:
    """Row -> the rules that stop what it adds to a stack."""

    def make() -> str:
        return json.dumps({row: sorted(rules) for row, rules in together.stopped_additions(stack).items()})

    found: dict[str, list[str]] = json.loads(shared(f"breakages that add to {stack}", make))
    return found


@cache
def shared_programs() -> dict[str, int]:
    """Row -> number of the program that it is planned in with others."""
    return {row["id"]: number for number, rows in enumerate(together.programs()) for row in rows}


def said_to_the_program(number: int) -> set[str]:
    """Return what the gate says about a program in which several rows are broken."""

    def make() -> str:
        return json.dumps(sorted(together.said(together.planned(together.programs()[number]).violations)))

    return set(json.loads(shared(f"breakages {number}", make)))


def daily() -> set[str]:
    """Return the ids of the rows that run on each change: additions, and the first row for each other rule.

    Rows that share a program with one of them run too. All others run at night.
    """
    firsts = together.firsts()
    programs = [program for program in together.recorded_programs() if not firsts.isdisjoint(program)]
    added = [row["id"] for rows in ADDITIONS.values() for row in rows]
    return firsts.union(added, *programs)


DAILY: Final = daily()
ROWS: Final = [
    pytest.param(row, id=row["id"], marks=() if row["id"] in DAILY else pytest.mark.nightly) for row in BREAKAGES
]


@pytest.mark.parametrize("row", ROWS)
def test_a_breakage_is_stopped_by_its_rule(row: dict[str, Any]) -> None:
    if row in ADDITIONS.get(row["stack"], ()) and set(row["expect"]) <= set(stopped_additions(row["stack"])[row["id"]]):
        return  # stopped in the program with all additions
    number = shared_programs().get(row["id"])
    if number is not None and together.shows(row, said_to_the_program(number)):
        return  # its violations belong to no other row of that program
    plan = together.planned([row])
    assert set(row["expect"]) <= plan.rules, plan.printed
    assert plan.exit_code == 1


@pytest.mark.parametrize("stack", ADDITIONS)
def test_all_additions_fit_into_one_program(stack: str) -> None:
    """If one of them ended the program, each row would need its own plan."""
    stopped = sum(bool(rules) for rules in stopped_additions(stack).values())
    assert stopped >= len(ADDITIONS[stack]) // 2, "give the resources of each row names that no other row uses"


def test_the_record_is_current() -> None:
    """A row without a record needs its own plan, and an unrecorded addition would be reported as passing."""
    stopped = {id_: rules for stack in ADDITIONS for id_, rules in stopped_additions(stack).items()}
    rows = {row["id"] for row in BREAKAGES if not set(row["expect"]) <= set(stopped.get(row["id"], ()))}
    differing = rows ^ together.document().keys()
    assert not differing & stopped.keys(), "run python -m tests.breakages --record"
    assert len(differing) <= OTHER_ROWS, "run python -m tests.breakages --record"


def test_each_breakage_has_its_own_id() -> None:
    identifiers = [row["id"] for row in BREAKAGES]
    assert len(identifiers) == len(set(identifiers))


def test_the_unbroken_program_passes(tmp_path: Path) -> None:
    assert rehearse("prod", copy_project(tmp_path), tmp_path / "plan.json").exit_code == 0
