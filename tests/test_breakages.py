"""Each deliberate breakage of the real program or configuration is stopped, by the rule that is there for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stackfiles.plan_document import rules_named
from tests.breakages import ADDITIONS, BREAKAGES, break_project, together, with_additions
from tests.planning import copy_project, rehearse
from tests.session import shared


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Row -> the rules that stop what it adds. All that rows only add is planned once, in one program."""

    def make() -> str:
        folder = tmp_path_factory.mktemp("additions")
        project = copy_project(folder)
        places = with_additions(project)
        plan = rehearse("prod", project, folder / "plan.json")
        assert plan.exit_code == 1, plan.printed
        assert plan.steps, plan.printed
        found: dict[str, list[str]] = {}
        for violation in plan.violations:
            if violation["level"] == "mandatory" and (row := places.get(violation["sourcePosition"].partition("#")[0])):
                found.setdefault(row, []).extend(rules_named(violation))
        return json.dumps(found)

    found: dict[str, list[str]] = json.loads(shared("breakages that add", make))
    return found


@cache
def stopped_together() -> dict[str, int]:
    """Row -> number of the program that it is planned in with others."""
    return {id_: number for number, rows in enumerate(together.programs()) for id_ in rows}


def said_to_the_program(number: int, folder: Path) -> set[str]:
    """Return what the gate says to a program in which several rows are broken."""

    def make() -> str:
        project = copy_project(folder)
        rows = [row for row in BREAKAGES if row["id"] in together.programs()[number]]
        for row in rows:
            break_project(project, row)
        plan = rehearse(rows[0].get("stack", "prod"), project, folder / "plan.json")
        return json.dumps(sorted(together.said(plan.violations)))

    return set(json.loads(shared(f"breakages {number}", make)))


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in BREAKAGES])
def test_a_breakage_is_stopped_by_its_rule(
    tmp_path: Path, row: dict[str, Any], stopped: Mapping[str, list[str]]
) -> None:
    if set(row["expect"]) <= set(stopped.get(row["id"], ())):
        return  # by what the rules say of the added resources themselves
    if (number := stopped_together().get(row["id"])) is not None:
        own = said_to_the_program(number, tmp_path) & together.recorded()[row["id"]]
        if set(row["expect"]) <= {together.rule(word) for word in own}:
            return  # by what is said to no other row of the program
    (tmp_path / "alone").mkdir()
    project = copy_project(tmp_path / "alone")
    break_project(project, row)
    packs = sorted({rule.partition("/")[0].replace("-", "_") for rule in row["expect"]})
    plan = rehearse(row.get("stack", "prod"), project, tmp_path / "plan.json", packs)
    assert set(row["expect"]) <= plan.rules, plan.printed
    assert plan.exit_code == 1


def test_what_rows_add_fits_into_one_program(stopped: Mapping[str, list[str]]) -> None:
    """Where one of them ends the program, each takes a plan of its own."""
    assert len(stopped) >= len(ADDITIONS) // 2, "give the resources of each row names that no other row uses"


def test_each_breakage_is_unlike_the_others() -> None:
    identifiers = [row["id"] for row in BREAKAGES]
    assert len(identifiers) == len(set(identifiers))


def test_the_unbroken_program_passes(tmp_path: Path) -> None:
    assert rehearse("prod", copy_project(tmp_path), tmp_path / "plan.json").exit_code == 0
