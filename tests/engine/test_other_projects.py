"""The least-privilege pack in other projects, as the page about it says."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pytest

from tests.engine.other_project import PAGE, PROGRAMS, OtherProject, block, made, make
from tests.planning import PROJECT

pytestmark = pytest.mark.engine

EDITS = re.findall(r"^\| `(\S+)` \| `(\S+)` \| `(\S+)` \| `(\S+)` \|$", PAGE, re.MULTILINE)
"""What the page says is stopped: a word of the program, its replacement, the resource, the rule."""

PRINTED = re.findall(r"^```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
"""What the page says the engine prints: for a bad document, and for an unknown one."""

UNKNOWN, KNOWN = "unknown in a preview", "known in a preview"


@pytest.fixture(params=PROGRAMS)
def other(request: pytest.FixtureRequest) -> OtherProject:
    return made(request.param)


def assert_printed(lines: str, out: str) -> None:
    for line in lines.splitlines():
        assert line.strip() in out, out


def test_a_good_program_passes(other: OtherProject) -> None:
    outcome = other.preview(other.program)
    assert outcome.code == 0, outcome.out
    assert "✅ least-privilege" in outcome.out
    assert "5 to create" in outcome.out


def test_bad_documents_are_stopped_before_anything_is_created(other: OtherProject) -> None:
    assert len(EDITS) == 3
    program = other.program
    for old, new, _, _ in EDITS:
        program, times = re.subn(rf"\b{old}\b", new, program)
        assert times == 1
    outcome = other.up(program)
    assert outcome.code == 1
    for _, _, resource, rule in EDITS:
        assert re.search(rf"\[mandatory\].*  {rule}  \(.*: {resource}\)", outcome.out), outcome.out
    assert_printed(PRINTED[0], outcome.out)
    assert [call["method"] for call in other.deployment.journal() if call["method"] == "Create"] == []


def test_a_document_with_an_unknown_output_is_stopped(other: OtherProject) -> None:
    outcome = other.preview(other.with_policy(UNKNOWN))
    assert outcome.code == 1
    assert_printed(PRINTED[1], outcome.out)


def test_a_document_with_known_outputs_is_judged(other: OtherProject) -> None:
    outcome = other.preview(other.with_policy(KNOWN).replace("s3:PutObject", "s3:*"))
    assert outcome.code == 1
    assert "service-wildcard  (aws:iam:RolePolicy: worker-archive)" in outcome.out
    assert "unknown-document" not in outcome.out


def test_an_unknown_document_can_be_waived() -> None:
    other = made("Python")
    waiver = block("least-privilege.json", "with a waiver")
    waiver = re.sub(r"\d{4}-\d\d-\d\d", str(dt.date.today() + dt.timedelta(days=30)), waiver)
    outcome = other.preview(other.with_policy(UNKNOWN), waiver)
    assert outcome.code == 0, outcome.out
    assert "unknown-document" not in outcome.out


def test_a_project_can_start_with_unknown_documents_as_advisory(tmp_path: Path) -> None:
    other = make("Python", tmp_path)
    program = other.with_policy(UNKNOWN).replace("s3:PutObject", "s3:*")
    advisory = block("least-privilege.json", "as a start")
    outcome = other.preview(program, advisory)
    assert outcome.code == 0, outcome.out
    assert "[advisory] [severity: critical]  unknown-document" in outcome.out
    outcome = other.up(program, advisory)
    assert outcome.code == 1
    assert "service-wildcard  (aws:iam:RolePolicy: worker-archive)" in outcome.out
    existing = {type_ for type_, _ in other.deployment.existing()}
    assert "aws:iam/role:Role" in existing
    assert "aws:iam/rolePolicy:RolePolicy" not in existing


def test_the_engine_reports_that_a_pack_lacks_the_rulebook() -> None:
    other = made("Python")
    alone = other.deployment.project / "alone" / "least_privilege"
    shutil.copytree(PROJECT / "policies" / "least_privilege", alone, dirs_exist_ok=True)
    outcome = other.preview(other.program, pack="alone/least_privilege")
    assert outcome.code == 1
    assert f"error: there is no folder `rulebook` in {alone.parent}; every pack needs it" in outcome.out
    assert "Traceback" not in outcome.out
