"""`python -m review diff`: what a working copy changes against a revision."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from rehearsal.reports.changes import Property, compare
from stackfiles.plan_document import PlanDocument
from tests.rehearsal.conftest import ROOT, WORKSHOP

URN: Final = "urn:pulumi:prod::p::aws:iam/policy:Policy::limit"
ARN: Final = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def diff(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "review", "diff", "--project", str(project), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workshop on a branch that has left main, with a change that isn't committed."""
    project = Path(shutil.copytree(WORKSHOP, tmp_path_factory.mktemp("repository") / "workshop"))
    git(project, "init", "--initial-branch=main")
    git(project, "add", "--all", "--force")
    git(project, "commit", "--message=The workshop")
    git(project, "checkout", "-b", "feature")
    program = project / "__main__.py"
    program.write_text(program.read_text().replace('f"rc-{name}"', 'f"wide-{name}"'))
    return project


def test_what_isnt_committed_is_compared_with_where_the_branch_left(repository: Path) -> None:
    done = diff(repository, "--stack", "dev", "--base", "main")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("dev against main at ")
    assert lines[0].endswith(" The workshop")
    assert lines[1].startswith("1 changed, ")
    assert "    bucket: rc-bench-drawer -> wide-bench-drawer" in lines
    # Whom the reader's role trusts is known when it is applied, so of that nothing can be said.
    access = [line for line in lines[2:] if not line.startswith(" ")]
    assert access
    assert all("dev-reader" in line for line in access)


def test_a_revision_that_git_does_not_know(repository: Path) -> None:
    done = diff(repository, "--stack", "dev", "--base", "nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --base nowhere: ")
    assert "Traceback" not in done.stderr


def plan(resources: list[Any]) -> PlanDocument:
    policy = json.dumps({"Statement": [{"Sid": "Read", "Effect": "Allow", "Resource": resources}]})
    state: Any = {"urn": URN, "custom": True, "type": "aws:iam/policy:Policy", "inputs": {"policy": policy}}
    return {"steps": [{"op": "create", "urn": URN, "newState": state}], "policyViolations": []}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        # The texts have the first sixty characters in common.
        (["a", "b"], ["a", "b", "c"], [("(none)", "c")]),
        (["a", "c"], ["c"], [("a", "(none)")]),
        (["a"], ["a", "a"], [("(none)", "a")]),
    ],
)
def test_elements_that_begin_alike_are_told_apart(before: list[str], after: list[str], told: list[Any]) -> None:
    def arns(names: list[str]) -> list[str]:
        return [ARN + name for name in names]

    def value(name: str) -> str:
        return name if name == "(none)" else ARN + name

    [change] = compare(plan(arns(before)), plan(arns(after)))
    assert list(change.properties) == [
        Property("policy.Statement[0].Resource[]", value(old), value(new)) for old, new in told
    ]
