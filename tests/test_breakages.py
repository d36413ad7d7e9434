"""Each deliberate breakage of the real program or configuration is stopped, by the rule that is there for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.planning import PROJECT, copy_project, rehearse

BREAKAGES: list[dict[str, Any]] = yaml.safe_load((PROJECT / "tests" / "breakages.yaml").read_text())


def break_project(project: Path, row: dict[str, Any]) -> None:
    """Apply a breakage; how the lines of a passage are broken and indented makes no difference."""
    program = project / "__main__.py"
    program.write_text(program.read_text() + "\n" + row.get("append", ""))
    for change in row.get("replacements", [row] if "old" in row else []):
        file = project / change["file"]
        passage = r"\s*".join(map(re.escape, change["old"].split()))
        text, found = re.subn(passage, change["new"].replace("\\", r"\\"), file.read_text())
        assert found, f"{change['file']} has no longer: {change['old']}"
        file.write_text(text)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in BREAKAGES])
def test_a_breakage_is_stopped_by_its_rule(tmp_path: Path, row: dict[str, Any]) -> None:
    project = copy_project(tmp_path)
    break_project(project, row)
    packs = sorted({rule.partition("/")[0].replace("-", "_") for rule in row["expect"]})
    plan = rehearse(row.get("stack", "prod"), project, tmp_path / "plan.json", packs)
    assert set(row["expect"]) <= plan.rules, plan.printed
    assert plan.exit_code == 1


def test_there_are_at_least_forty_breakages_each_unlike_the_others() -> None:
    identifiers = [row["id"] for row in BREAKAGES]
    assert len(identifiers) == len(set(identifiers)) >= 40


def test_the_unbroken_program_passes(tmp_path: Path) -> None:
    assert rehearse("prod", copy_project(tmp_path), tmp_path / "plan.json").exit_code == 0
