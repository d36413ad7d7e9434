"""`python -m policies check` judges documents, reports those that it can't judge, and has reports in every format."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import jsonschema
import pytest
import yaml

from policies.__main__ import main
from policies.check.verdict import CONVENTIONS
from tests.planning import PROJECT
from tests.policies.check.command import READ, WIDE, Check, Told, policy, rules

FILES: Final = Path(__file__).parent
TEMPLATE: Final = FILES / "template.yaml"
PLAN: Final = FILES / "terraform" / "plan.json"
SARIF: Final = PROJECT / "tests" / "schemas" / "sarif-2.1.0.json"

ANYBODY: Final = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
ASSUME: Final = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("statement", "rule"), [(WIDE, "service-wildcard"), (ANYBODY, "public-resource-policy"), (ASSUME, "open-trust")]
)
def test_the_kind_of_a_document_follows_from_its_content(check: Check, statement: Told, rule: str) -> None:
    assert rule in rules(check(check.file(policy(statement))))
    assert check.code == 1


def test_a_document_without_a_fault_passes(check: Check) -> None:
    assert check.printed(check.file(policy(READ))) == "No findings; 1 file judged.\n"
    assert check.code == 0


def test_the_kind_can_be_given(check: Check) -> None:
    everything = check.file(policy({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*"}))
    assert "service-wildcard" in rules(check(everything))
    assert "service-wildcard" not in rules(check(everything, "--kind", "boundary"))
    assert "malformed-document" in rules(check(everything, "--kind", "trust"))
    assert "malformed-document" in rules(check(everything, "--kind", "resource"))


def test_several_files_can_be_the_policies_of_one_role(check: Check) -> None:
    function = "arn:aws:lambda:eu-central-1:123456789012:function:app-*"
    passing = check.file(policy({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}), "pass.json")
    make = {"Effect": "Allow", "Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": function}
    making = check.file(policy(make), "make.json")
    assert "joint-privilege-escalation" not in rules(check(passing, making))
    for paths in ((passing, making), (".",)):
        found = check("--role", "app", *paths)
        [joint] = [one for one in found if one["rule"] == "joint-privilege-escalation"]
        assert joint["message"].startswith("The policies of the role `app`: `iam:PassRole`, `lambda:CreateFunction`")
        assert "statement 1 of `pass.json`" in joint["message"]
        assert "statement 1 of `make.json`" in joint["message"]
        assert rules(check(passing, making)) < rules(found)
    assert rules(check("--role", "app", making)) == set()


def test_the_service_of_a_resource_policy_can_be_given(check: Check) -> None:
    key = check.file(policy({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}))
    assert "public-resource-policy" in rules(check(key))
    assert check(key, "--service", "kms")
    assert check(key, "--service", "nothing") == []
    assert check.code == 2
    assert "policy.json can't be a resource policy of `nothing`; accepted: " in check.errors


def test_resource_policies_of_every_service_are_judged(check: Check) -> None:
    function = "arn:aws:lambda:eu-central-1:123456789012:function:job"
    invoke = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": function}
    assert rules(check(check.file(policy(invoke)))) == {"public-resource-policy"}


def test_a_finding_is_at_the_line_of_its_statement(check: Check) -> None:
    text = policy(READ, {**WIDE, "Sid": ""}, READ, WIDE)
    lines = {found["line"] for found in check(check.file(text)) if found["rule"] == "service-wildcard"}
    second, fourth = (place for place, line in enumerate(text.splitlines(), 1) if '"Sid"' in line)
    assert lines == {second - 1, fourth - 1}, "a statement begins a line above its Sid"


def test_tabs_do_not_change_line_numbers(check: Check) -> None:
    indented = check.file(json.dumps(json.loads(policy(READ, WIDE)), indent="\t"))
    (found,) = [one for one in check(indented) if one["rule"] == "service-wildcard"]
    assert found["line"] == 9


def test_standard_input_is_judged(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(policy(WIDE).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert {found["file"] for found in check("-")} == {"stdin"}


def test_a_folder_is_judged_file_by_file(check: Check) -> None:
    check.file(policy(WIDE), "roles/wide.json")
    check.file(policy(READ), "roles/read.json")
    check.file('{"name": "not a policy"}', "roles/package.json")
    check.file("a: {{ not YAML }}", "roles/chart.yaml")
    check.file("steps: [{script: make}]", "roles/pipeline.yaml")
    check.file("{", "roles/.terraform/broken.json")
    check.file(policy(WIDE), "roles/node_modules/wide.json")
    assert {found["file"] for found in check("roles")} == {"roles/wide.json"}
    assert (check.code, check.errors) == (1, "")
    assert check.printed("roles").endswith("; 2 files judged.\n")


def test_progress_is_shown_on_a_terminal_only(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        check.file(policy(READ), f"roles/{number}.json")
    check("roles")
    assert check.errors == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    check("roles")
    assert check.errors.startswith("\r25 of 30 files")


def test_other_files_can_be_skipped(check: Check) -> None:
    files = [check.file('{"name": "not a policy"}', "package.json"), check.file(policy(WIDE))]
    check(*files)
    assert check.code == 2
    assert "service-wildcard" in rules(check(*files, "--skip-others"))
    assert check.code == 1


def test_json_needs_no_package(check: Check) -> None:
    """The pack and the command need only Python, as a hook in another project does."""
    files = [check.file(policy(WIDE)), check.file(TEMPLATE.read_text(), "template.yaml")]
    program = f"""
import sys
sys.path[:] = [{str(PROJECT)!r}, *(path for path in sys.path if "site-packages" not in path)]
from policies.__main__ import main
sys.exit(main(["check", *{files!r}]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=check.folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: template.yaml is YAML, which needs PyYAML: `pip install pyyaml`\n",
    )
    assert "policy.json: service-wildcard (high): " in done.stdout, "without a line"


def test_one_bad_file_hides_no_other(check: Check) -> None:
    check.file(policy(WIDE), "roles/wide.json")
    check.file('{"Statement": [', "roles/broken.json")
    (check.folder / "roles" / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert "service-wildcard" in rules(check("roles", "missing.json"))
    assert check.code == 2
    assert check.errors.splitlines() == [
        "error: roles/binary.json isn't UTF-8 text",
        "error: roles/broken.json isn't JSON: Expecting value at line 1, column 16",
        "error: missing.json can't be read: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.json", "[]", "holds nothing to judge; accepted: a policy document, "),
        ("a.json", "[" * 100_000, "can't be read: it's nested too deeply"),
        ("a.yaml", "Resources: [", "isn't YAML: "),
        ("a.yaml", "Statement: &a [*a]", "has a YAML alias"),
        ("a.yaml", "Statement: []\nStatement: []", "isn't YAML: the key `Statement` is there twice at line 1"),
        ("a.json", '{"Resources": {"A": {"Type": "AWS::IAM::Role"}, "Fn::ForEach::B": []}}', "has no `Type` for the"),
        ("a.json", '{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": []}}}', "aren't a mapping"),
        (
            "a.json",
            '{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "A"}}}}}',
            "has values that refer to themselves",
        ),
        ("a.json", '{"resource_changes": [{}]}', "isn't a Terraform plan: "),
        (
            "a.json",
            '{"resource_changes": [{"address": "a.b", "type": "aws_iam_role", "mode": "managed", '
            '"change": {"after": "a"}}]}',
            "looks like a Terraform plan (`terraform show -json PLAN`), but breaks that format",
        ),
        ("a.json", '{"steps": [{"op": "create"}, {}]}', "isn't a Pulumi plan: "),
    ],
)
def test_bad_input_is_one_clear_error(check: Check, name: str, text: str, problem: str) -> None:
    assert check(check.file(text, name)) == []
    assert check.code == 2
    (line,) = check.errors.splitlines()
    assert line.startswith(f"error: {name} ")
    assert problem in line


def test_a_document_that_iam_refuses_is_a_finding(check: Check) -> None:
    assert rules(check(check.file('{"Statement": [], "Statement": []}'))) == {"malformed-document"}


def test_conventions_are_off_until_a_configuration_names_them(check: Check) -> None:
    assert "role-without-boundary" not in rules(check(str(PLAN)))
    config = check.file('{"role-without-boundary": "advisory", "service-wildcard": "disabled"}', "config.json")
    findings = check(str(PLAN), "--config", config)
    assert {one["level"] for one in findings if one["rule"] == "role-without-boundary"} == {"advisory"}
    assert "service-wildcard" not in rules(findings)


def test_an_advisory_rule_lets_a_file_pass(check: Check) -> None:
    config = check.file('{"all": "advisory"}', "config.json")
    assert check(check.file(policy(WIDE)), "--config", config)
    assert check.code == 0


def test_a_waiver_uses_the_resource_name_of_the_file(check: Check) -> None:
    waiver = {
        "resource": "aws_s3_bucket_policy.open",
        "reason": "its bucket is made first",
        "owner": "somebody",
        "expires": "2001-01-01",
    }
    config = check.file(json.dumps({"unknown-document": {"waivers": [waiver]}}), "config.json")
    found = [one for one in check(str(PLAN), "--config", config) if one["rule"] == "unknown-document"]
    assert {one["file"] for one in found} == {str(PLAN), "config.json"}, "it expired, so it covers nothing"


@pytest.mark.parametrize("text", ["[]", '{"no-such-rule": "advisory"}', "{"])
def test_a_bad_configuration_is_refused(check: Check, text: str) -> None:
    config = check.file(text, "config.json")
    assert main(["check", str(PLAN), "--config", config]) == 2


def test_sarif_is_valid(check: Check) -> None:
    check.file("{", "broken.json")
    document = json.loads(check.printed(str(PLAN), str(TEMPLATE), "broken.json", "--format", "sarif"))
    assert check.code == 2
    validator = jsonschema.Draft4Validator(json.loads(SARIF.read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []
    (run,) = document["runs"]
    assert not run["invocations"][0]["executionSuccessful"]
    assert all(
        run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"]
    )
    assert len({result["partialFingerprints"]["finding/v1"] for result in run["results"]}) == len(run["results"])


def test_text_can_include_explanations(check: Check) -> None:
    file = check.file(policy(READ, WIDE))
    assert "policy.json:" in check.printed(file)
    assert "    to fix  " not in check.printed(file)
    explained = check.printed(file, "--explain")
    assert "    to fix  Name the actions that are needed.\n" in explained
    assert "    source  https://" in explained


def test_text_has_no_terminal_control_characters(check: Check) -> None:
    wide = {**WIDE, "Action": "s3:*\u001b[2J"}
    assert "\u001b" not in check.printed(check.file(policy(wide)))


def test_the_hook_runs_from_any_folder(check: Check) -> None:
    (check.folder / "policies").mkdir()
    (check.folder / "policies" / "__init__.py").write_text("raise SystemExit('the folder of the other project')")
    (hook,) = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text())
    command = [*shlex.split(str(PROJECT / hook["entry"])), check.file(policy(WIDE)), check.file("{}", "package.json")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=check.folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "policy.json:" in done.stdout


def test_the_configurations_on_the_page_are_accepted(check: Check) -> None:
    page = (PROJECT / "docs" / "least-privilege-anywhere.md").read_text()
    texts = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    end = str(dt.datetime.now(dt.UTC).date())
    for text in (re.sub(r"\d{4}-\d\d-\d\d", end, text) for text in texts):
        check(check.file(policy(READ)), "--config", check.file(text, "config.json"))
        assert (check.code, check.errors) == (0, "")
    assert all(f"`{rule}`" in page for rule in CONVENTIONS)


def test_the_command_turns_off_the_rules_of_the_neutral_configuration() -> None:
    neutral = json.loads((PROJECT / "policies" / "least_privilege" / "neutral.json").read_text())
    assert neutral == dict.fromkeys(CONVENTIONS, "disabled")
