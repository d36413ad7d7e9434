"""Each deliberate breakage of the real program or configuration is stopped, by the rule that is there for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.breakages import BREAKAGES, break_project
from tests.planning import copy_project, rehearse


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in BREAKAGES])
def test_a_breakage_is_stopped_by_its_rule(tmp_path: Path, row: dict[str, Any]) -> None:
    project = copy_project(tmp_path)
    break_project(project, row)
    packs = sorted({rule.partition("/")[0].replace("-", "_") for rule in row["expect"]})
    plan = rehearse(row.get("stack", "prod"), project, tmp_path / "plan.json", packs)
    assert set(row["expect"]) <= plan.rules, plan.printed
    assert plan.exit_code == 1


def test_each_breakage_is_unlike_the_others() -> None:
    identifiers = [row["id"] for row in BREAKAGES]
    assert len(identifiers) == len(set(identifiers))


def test_the_unbroken_program_passes(tmp_path: Path) -> None:
    assert rehearse("prod", copy_project(tmp_path), tmp_path / "plan.json").exit_code == 0
