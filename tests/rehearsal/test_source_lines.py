"""A violation is reported at the line that decides: a statement's, or the call that creates the resource."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import resource

from rehearsal import pull_request
from rehearsal.engine.lines import stack_trace
from stackfiles.plan_document import Violation, places
from tests.planning import copy_project, rehearsal_command

TABLE = "components/workload_permissions.py"
EDITS = (
    (TABLE, '["cloudwatch:PutMetricData"]', '["cloudwatch:*"]', "cloudwatch:*"),
    ("__main__.py", "bucket.name_in(names), ", '"everybodys-" + bucket.purpose, ', "everybodys"),
)
"""File, old text, the branch's text, and a mark that identifies the changed line."""


@dataclass(frozen=True)
class Branch:
    """A branch with two mistakes: its folder, and the gate's output on the terminal and in the plan."""

    folder: Path
    printed: str
    plan: Path

    def violation(self, rule: str, resource: str) -> Violation:
        """Return the violation of a rule by a resource."""
        found: list[Violation] = json.loads(self.plan.read_text())["policyViolations"]
        return next(said for said in found if said["policy"] == rule and said["urn"].endswith(resource))

    def line(self, file: str, mark: str) -> str:
        """Return the line with a mark as `FILE:LINE`."""
        lines = (self.folder / file).read_text().splitlines()
        return f"{file}:{1 + next(number for number, line in enumerate(lines) if mark in line)}"


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Branch:
    project = copy_project(tmp_path_factory.mktemp("lines"))
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(project)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "base"]):
        subprocess.run([*git, *command], check=True)
    for file, old, new, _ in EDITS:
        path = project / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    plan = project.parent / "plan.json"
    done = rehearsal_command("--project", str(project), "--json", str(plan), "--quiet")
    return Branch(project, done.printed, plan)


def test_a_mistake_in_a_statement_is_reported_at_the_statements_line(branch: Branch) -> None:
    statement, call = (
        branch.line(TABLE, "cloudwatch:*"),
        branch.line("components/workload_roles.py", "task_statements("),
    )
    nearest, *led = places(branch.violation("service-wildcard", "::prod-backstage-task"))
    # The line of a call over several lines is its first.
    assert nearest.partition(":")[0] == TABLE
    assert 0 <= int(statement.rpartition(":")[2]) - int(nearest.rpartition(":")[2]) <= 2
    assert call in led
    assert led[-1].startswith("__main__.py:")
    assert f"at {nearest}, from " in branch.printed


def test_a_mistake_in_a_call_is_reported_at_the_calls_line(branch: Branch) -> None:
    call = branch.line("__main__.py", "PrivateBucket(")
    nearest, *led = places(branch.violation("misnamed-bucket", "::prod-blog-data-raw"))
    assert nearest.startswith("components/private_bucket.py:")
    assert led == [call]


def test_an_annotation_is_placed_in_a_line_that_the_branch_changed(
    branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(branch.folder)
    sarif = branch.plan.with_name("policies.sarif")
    assert pull_request.main([str(branch.plan), "--sarif", str(sarif), "--changed-since", "HEAD"]) == 0
    results: list[dict[str, Any]] = json.loads(sarif.read_text())["runs"][0]["results"]
    files = {
        result["ruleId"]: result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results
    }
    assert files["naming/misnamed-bucket"] == "__main__.py"
    assert files["least-privilege/service-wildcard"] == TABLE
    assert all(re.fullmatch(r"(components/\w+|__main__)\.py", file) for file in files.values())


def test_an_unknown_revision_is_refused(
    branch: Branch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(branch.folder)
    sarif = branch.plan.with_name("policies.sarif")
    assert pull_request.main([str(branch.plan), "--sarif", str(sarif), "--changed-since", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("error: --changed-since nowhere: ")


class _Base:
    def __init__(self) -> None:
        self.told = [tell() for tell in (resource._get_stack_trace, stack_trace)]


class _Kind(_Base):
    def __init__(self) -> None:
        super().__init__()


class _Own(_Kind):
    def __init__(self) -> None:
        super().__init__()


def test_the_callers_of_a_resource_match_the_sdks() -> None:
    theirs, ours = _Own().told
    assert ours == theirs
    assert theirs.frames[0].pc.uri == Path(__file__).as_uri()
    assert [tell().frames[:] for tell in (resource._get_stack_trace, stack_trace)] == [[], []]
