"""Deliberate breakages of the way in: each is stopped by the rule that is named for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.planning import PROJECT, copy_project

ROWS: Final[list[dict[str, Any]]] = yaml.safe_load((Path(__file__).parent / "way_in_breakages.yaml").read_text())


def broken(folder: Path, row: dict[str, Any]) -> Path:
    """Return a copy of the project with a row's replacements made."""
    project = copy_project(folder)
    for change in row.get("replacements", [row]):
        file = project / change["file"]
        text = file.read_text()
        assert text.count(change["old"]) == 1, f"{row['id']}: the text to replace must stand once in {change['file']}"
        file.write_text(text.replace(change["old"], change["new"]))
    return project


def violations(project: Path, *packs: str) -> tuple[int, set[str]]:
    """Return the exit code of a rehearsal with some packs, and the rules with mandatory violations."""
    chosen = [argument for pack in packs for argument in ("--pack", str(PROJECT / "policies" / pack))]
    done = subprocess.run(
        [sys.executable, "-m", "rehearsal", "--project", str(project), "--json", "-", "--quiet", *chosen],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    plan = json.loads(done.stdout)
    assert "error" not in plan, plan["error"]
    assert "error:" not in done.stderr, done.stderr
    found = [item for item in plan["policyViolations"] if item["level"] == "mandatory"]
    return done.returncode, {f"{item['pack'].replace('-', '_')}/{item['policy']}" for item in found}


def test_the_copy_passes(tmp_path: Path) -> None:
    assert violations(copy_project(tmp_path), "entry_points") == (0, set())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_breakage_is_stopped(tmp_path: Path, row: dict[str, Any]) -> None:
    code, rules = violations(broken(tmp_path, row), *sorted({rule.partition("/")[0] for rule in row["expect"]}))
    assert set(row["expect"]) <= rules
    assert code == 1


def test_rows() -> None:
    assert len(ROWS) >= 45
    assert len({row["id"] for row in ROWS}) == len(ROWS)
