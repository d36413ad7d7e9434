"""`python -m review diff` shows what a working copy changes against a revision."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from rehearsal.reports.changes import Property, compare
from review.difference import changed_access
from stackfiles.plan_document import PlanDocument
from tests.forked_modules import run_module
from tests.forks import Done
from tests.rehearsal.conftest import ROOT, WORKSHOP

URN: Final = "urn:pulumi:prod::p::aws:iam/policy:Policy::limit"
STILL: Final = "Only in part or under a condition, this change still lets"
ROLE: Final = "arn:aws:iam::123456789012:role/x"
INSECURE: Final = {"Bool": {"aws:SecureTransport": "false"}}
TRUST: Final = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
SECURE: Final = {"Bool": {"aws:SecureTransport": "true"}}
ARN: Final = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def diff(project: Path, *arguments: str) -> Done:
    return run_module(ROOT, "review", "diff", "--project", str(project), *arguments)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workshop on a branch off main, with an uncommitted change."""
    project = Path(shutil.copytree(WORKSHOP, tmp_path_factory.mktemp("repository") / "workshop"))
    git(project, "init", "--initial-branch=main")
    git(project, "add", "--all", "--force")
    git(project, "commit", "--message=The workshop")
    git(project, "checkout", "-b", "feature")
    program = project / "__main__.py"
    program.write_text(program.read_text().replace('f"rc-{name}"', 'f"wide-{name}"'))
    return project


def test_uncommitted_changes_are_compared_with_the_branch_point(repository: Path) -> None:
    done = diff(repository, "--stack", "dev", "--base", "main")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("dev against main at ")
    assert lines[0].endswith(" The workshop")
    assert lines[1].startswith("1 changed, ")
    assert "    bucket: rc-bench-drawer -> wide-bench-drawer" in lines
    # The reader's trust policy isn't known before it is applied, so the diff can't describe it.
    access = [line for line in lines[2:] if not line.startswith(" ")]
    assert access
    assert all("dev-reader" in line for line in access)


def test_an_unknown_base_revision_is_refused(repository: Path) -> None:
    done = diff(repository, "--stack", "dev", "--base", "nowhere")
    assert done.code == 2
    assert done.err.startswith("error: --base nowhere: ")
    assert "Traceback" not in done.err


def plan(resources: list[Any]) -> PlanDocument:
    policy = json.dumps({"Statement": [{"Sid": "Read", "Effect": "Allow", "Resource": resources}]})
    state: Any = {"urn": URN, "custom": True, "type": "aws:iam/policy:Policy", "inputs": {"policy": policy}}
    return {"steps": [{"op": "create", "urn": URN, "newState": state}], "policyViolations": []}


def reader(resources: list[str], condition: dict[str, Any] | None = None) -> PlanDocument:
    """The plan of a role that reads objects."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resources}
    document = json.dumps({"Statement": [statement | ({"Condition": condition} if condition else {})]})
    states: list[Any] = [
        {"urn": f"urn:pulumi:prod::p::{type_}::reader", "custom": True, "type": type_, "inputs": inputs}
        for type_, inputs in (
            ("aws:iam/role:Role", {"name": "reader", "assumeRolePolicy": json.dumps({"Statement": [TRUST]})}),
            ("aws:iam/rolePolicy:RolePolicy", {"role": "reader", "policy": document}),
        )
    ]
    steps: Any = [{"op": "create", "urn": state["urn"], "newState": state} for state in states]
    return {"steps": steps, "policyViolations": []}


A, B, BELOW = "arn:aws:s3:::a/*", "arn:aws:s3:::b/*", "arn:aws:s3:::a/in/*"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (reader([A]), reader([A, B]), ["This change lets `reader` read `b/*` (s3:GetObject)."]),
        (reader([A, B]), reader([A]), ["This change no longer lets `reader` read `b/*` (s3:GetObject)."]),
        (
            reader([A]),
            reader([B]),
            [
                "This change lets `reader` read `b/*` (s3:GetObject).",
                "This change no longer lets `reader` read `a/*` (s3:GetObject).",
            ],
        ),
        (reader([A]), reader([BELOW]), [f"{STILL} `reader` read `a/*` (s3:GetObject)."]),
        (reader([A]), reader([A], SECURE), [f"{STILL} `reader` read `a/*` (s3:GetObject)."]),
        (reader([A]), reader([A]), []),
    ],
    ids=["more", "less", "other", "a part", "under a condition", "the same"],
)
def test_given_and_removed_access_is_reported(before: PlanDocument, after: PlanDocument, told: list[str]) -> None:
    assert changed_access(before, after) == told


def test_a_new_denial_is_reported() -> None:
    allowed = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject", "Resource": A}

    def guarded(*statements: dict[str, Any]) -> PlanDocument:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed, *statements]})
        state: Any = {
            "urn": "urn:pulumi:prod::p::aws:s3/bucketPolicy:BucketPolicy::a",
            "custom": True,
            "type": "aws:s3/bucketPolicy:BucketPolicy",
            "inputs": {"bucket": "a", "policy": policy},
        }
        return {"steps": [{"op": "create", "urn": state["urn"], "newState": state}], "policyViolations": []}

    refused = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": A, "Condition": INSECURE}
    assert changed_access(guarded(), guarded(refused)) == [
        "`everybody (by the resource policy of a)` is refused more than before.",
        f"{STILL} `{ROLE} (by the resource policy of a)` read `a/*` (s3:GetObject).",
    ]
    assert changed_access(guarded(refused), guarded(refused)) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        # The first sixty characters of the texts are the same.
        (["a", "b"], ["a", "b", "c"], [("(none)", "c")]),
        (["a", "c"], ["c"], [("a", "(none)")]),
        (["a"], ["a", "a"], [("(none)", "a")]),
    ],
)
def test_elements_with_the_same_beginning_are_distinguished(
    before: list[str], after: list[str], told: list[Any]
) -> None:
    def arns(names: list[str]) -> list[str]:
        return [ARN + name for name in names]

    def value(name: str) -> str:
        return name if name == "(none)" else ARN + name

    [change] = compare(plan(arns(before)), plan(arns(after)))
    assert list(change.properties) == [
        Property("policy.Statement[0].Resource[]", value(old), value(new)) for old, new in told
    ]
