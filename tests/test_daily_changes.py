"""The changes of an ordinary week: what the gate says about each, what owners agree to, and that all pass then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from corpus.families import read
from tests.agreeing import agree
from tests.breakages import break_project
from tests.forked_modules import run_module
from tests.planning import PROJECT, copy_project, rehearse

CHANGES: Final[list[dict[str, Any]]] = read(PROJECT / "tests" / "daily_changes.yaml")
FOLLOWS: Final = ("pinned-permission", "pinned-value")
PAGE: Final = (PROJECT / "docs" / "daily-changes.md").read_text()


def agreed_lines(project: Path, plan: Path, change: Mapping[str, Any]) -> list[str]:
    """Do what the page says to let a change pass; return the lines that this adds to the inventory's file."""
    file = project / "policies" / "config" / "inventory.prod.json"
    before = lines(file)
    agree(project, "prod", plan)
    for name, text in change.get("also", {}).items():
        (project / "policies" / "config" / name).write_text(text)
    if change.get("readers"):
        assert run_module(project, "generators.expected_readers").code == 0
    after = lines(file)
    assert len(after) == len(before) + len(change.get("agreed", []))
    return [line for line in after if line not in before]


def lines(file: Path) -> list[str]:
    """Return the lines of what is agreed, without the rules whose lines follow directly from the change."""
    agreed = {rule: said for rule, said in json.loads(file.read_text()).items() if rule not in FOLLOWS}
    return [line.rstrip(",").strip() for line in json.dumps(agreed, indent=2).splitlines()]


@pytest.mark.nightly
@pytest.mark.parametrize("change", [pytest.param(row, id=row["change"].replace(" ", "-")) for row in CHANGES])
def test_a_change_needs_the_listed_agreement(tmp_path: Path, change: dict[str, Any]) -> None:
    """Runs at night; on each change, the test below tries all of them together."""
    project = copy_project(tmp_path)
    break_project(project, change)
    plan = rehearse("prod", project, tmp_path / "plan.json")
    assert plan.rules == set(change["says"]), plan.printed
    assert agreed_lines(project, tmp_path / "plan.json", change) == change.get("agreed", [])


def test_all_changes_together_pass_once_agreed(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    together: dict[str, Any] = {"also": {}, "readers": True, "agreed": []}
    for change in CHANGES:
        source = (project / "__main__.py").read_text()
        break_project(project, change)
        assert "append" in change or (project / "__main__.py").read_text().rstrip() == source.rstrip()
        together["also"] |= change.get("also", {})
        together["agreed"] += change.get("agreed", [])
    plan = rehearse("prod", project, tmp_path / "plan.json")
    assert plan.rules == {rule for change in CHANGES for rule in change["says"]}, plan.printed
    agreed = agreed_lines(project, tmp_path / "plan.json", together)
    assert sorted(agreed) == sorted(together["agreed"])
    plan = rehearse("prod", project, tmp_path / "agreed.json")
    assert (plan.exit_code, plan.violations) == (0, []), plan.printed


def test_the_page_describes_each_change() -> None:
    for change in CHANGES:
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {change['change']} |")]
        assert all(rule.partition("/")[2] in row for rule in change["says"]), row
        assert all(line in row for line in change.get("agreed", [])), row
        assert all(name in row for name in change.get("also", {})), row


def test_no_change_needs_more_than_one_line_in_the_inventory() -> None:
    assert max(len(change.get("agreed", [])) for change in CHANGES) == 1
    assert json.dumps(CHANGES).count('"change"') == 9  # the tenth, a new environment, is a runbook
