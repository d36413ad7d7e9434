"""`python -m policies check`: each kind of file is judged, and what can't be is told."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from policies.__main__ import main
from tests.planning import PROJECT
from tests.policies.acceptance import terraform

FILES: Final = Path(__file__).parent / "check"
TEMPLATE: Final = FILES / "template.yaml"
PLAN: Final = FILES / "terraform" / "plan.json"
SARIF: Final = PROJECT / "tests" / "schemas" / "sarif-2.1.0.json"

READ: Final = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
WIDE: Final = {"Sid": "Wide", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::reports/*"}
ANYBODY: Final = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"}
ASSUME: Final = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}

Told = Mapping[str, Any]


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1)


class Check:
    """Runs the command; `code` and `errors` are those of the last run."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder
        monkeypatch.chdir(folder)

    def printed(self, *arguments: str) -> str:
        self.code = main(["check", *arguments])
        out, self.errors = self._capsys.readouterr()
        return out

    def __call__(self, *arguments: str) -> list[Told]:
        found: list[Told] = json.loads(self.printed(*arguments, "--format", "json"))["findings"]
        return found

    def file(self, text: str, name: str = "policy.json") -> str:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)
        return name


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Check:
    return Check(capsys, monkeypatch, tmp_path)


def rules(findings: Iterable[Told]) -> set[str]:
    return {found["rule"] for found in findings}


def by_resource(findings: Iterable[Told]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in findings:
        found.setdefault(one["resource"], set()).add(one["rule"])
    return found


@pytest.mark.parametrize(
    ("statement", "rule"), [(WIDE, "service-wildcard"), (ANYBODY, "public-resource-policy"), (ASSUME, "open-trust")]
)
def test_the_kind_of_a_document_is_told_by_its_content(check: Check, statement: Told, rule: str) -> None:
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


def test_the_service_of_a_resource_policy_can_be_given(check: Check) -> None:
    key = check.file(policy({"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}))
    assert "public-resource-policy" in rules(check(key))
    assert check(key, "--service", "kms")
    assert check(key, "--service", "nothing") == []
    assert check.code == 2
    assert "policy.json is a resource policy of `nothing`, which the pack doesn't know; accepted: " in check.errors


def test_a_finding_is_at_the_line_of_its_statement(check: Check) -> None:
    text = policy(READ, {**WIDE, "Sid": ""}, READ, WIDE)
    lines = {found["line"] for found in check(check.file(text)) if found["rule"] == "service-wildcard"}
    second, fourth = (place for place, line in enumerate(text.splitlines(), 1) if '"Sid"' in line)
    assert lines == {second - 1, fourth - 1}, "a statement begins a line above its Sid"


def test_tabs_move_no_line(check: Check) -> None:
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
    check.file("{", "roles/.terraform/broken.json")
    check.file(policy(WIDE), "roles/node_modules/wide.json")
    assert {found["file"] for found in check("roles")} == {"roles/wide.json"}
    assert (check.code, check.errors) == (1, "")
    assert check.printed("roles").endswith("; 2 files judged.\n")


def test_one_bad_file_hides_no_other(check: Check) -> None:
    check.file(policy(WIDE), "roles/wide.json")
    check.file('{"Statement": [', "roles/broken.json")
    (check.folder / "roles" / "binary.json").write_bytes(b"\xff\xfe\x00")
    assert "service-wildcard" in rules(check("roles", "missing.json"))
    assert check.code == 2
    assert check.errors.splitlines() == [
        "error: roles/binary.json isn't a text in UTF-8",
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
        ("a.yaml", "Statement: []\nStatement: []", "isn't YAML: the key `Statement` stands twice at line 1"),
        ("a.json", '{"Resources": {"A": {"Type": "AWS::IAM::Role"}, "Fn::ForEach::B": []}}', "has no `Type` for the"),
        ("a.json", '{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": []}}}', "aren't a mapping"),
        (
            "a.json",
            '{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "A"}}}}}',
            "has values that refer to themselves",
        ),
        ("a.json", '{"resource_changes": [{}]}', "isn't a plan of Terraform: "),
        ("a.json", '{"steps": [{}]}', "isn't a plan of Pulumi: "),
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


def test_a_pulumi_plan_is_judged_at_the_lines_of_its_program(check: Check) -> None:
    state = {
        "urn": "urn:pulumi:prod::shop::aws:iam/rolePolicy:RolePolicy::wide",
        "type": "aws:iam/rolePolicy:RolePolicy",
        "inputs": {"role": "worker", "policy": policy(WIDE)},
        "sourcePosition": "project:///roles.py#12",
    }
    open_ = {"role": "worker", "policy": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    unknown = {**state, "urn": f"{state['urn']}-unknown", "inputs": open_}
    plan = check.file(json.dumps({"steps": [{"op": "create", "newState": one} for one in (state, unknown)]}))
    findings = check(plan)
    assert "service-wildcard" in by_resource(findings)["wide"]
    assert by_resource(findings)["wide-unknown"] == {"unknown-document"}
    assert {(found["file"], found["line"]) for found in findings} == {("roles.py", 12)}
    assert set(by_resource(check(plan, "--allow-unknown"))) == {"wide"}


def test_a_terraform_plan_is_judged_as_a_whole(check: Check) -> None:
    found = by_resource(check(str(PLAN)))
    assert "service-wildcard" in found["aws_iam_role_policy.everything"]
    # The role and the policy have no names, and the plan tells all the same that they belong together.
    assert found["aws_iam_role.deployer"] == {"joint-privilege-escalation"}
    assert "public-resource-policy" in found["module.store[0].aws_sqs_queue_policy.open"]
    assert found["aws_s3_bucket_policy.open"] == {"unknown-document"}
    # What nobody sets and the provider fills in is no unknown.
    assert "aws_s3_bucket.open" not in found
    assert "aws_iam_role.worker" not in found


def test_what_is_unknown_says_where_it_comes_from(check: Check) -> None:
    (found,) = [one for one in check(str(PLAN)) if one["rule"] == "unknown-document"]
    assert found["message"] == "`policy` isn't known in full: it comes from aws_s3_bucket.open.arn."
    assert "unknown-document" not in rules(check(str(PLAN), "--allow-unknown"))


def test_a_sensitive_document_is_not_known(check: Check) -> None:
    plan = json.loads(PLAN.read_text())
    (entry,) = [one for one in plan["resource_changes"] if one["address"] == "aws_iam_role_policy.everything"]
    entry["change"]["after_sensitive"] = {"policy": True}
    found = by_resource(check(check.file(json.dumps(plan))))
    assert found["aws_iam_role_policy.everything"] == {"unknown-document"}


def test_what_a_terraform_plan_deletes_is_not_judged(check: Check) -> None:
    plan = json.loads(PLAN.read_text())
    for entry in plan["resource_changes"]:
        entry["change"] |= {"actions": ["delete"], "after": None}
    assert check(check.file(json.dumps(plan))) == []
    assert check.code == 0


@pytest.mark.skipif(bool(terraform.missing()), reason=terraform.missing() or "all there")
def test_terraform_still_writes_such_a_plan(check: Check) -> None:
    shutil.copytree(FILES / "terraform", check.folder / "made")
    mirror = json.dumps(os.environ[terraform.PLUGINS])
    rc = check.file(f"provider_installation {{\n  filesystem_mirror {{ path = {mirror} }}\n}}\n", "terraform.rc")
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(check.folder / rc)}

    def run(*arguments: str) -> str:
        command = [shutil.which("terraform") or "terraform", *arguments]
        done = subprocess.run(
            command, cwd=check.folder / "made", env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    run("init", "-input=false")
    run("plan", "-input=false", "-out=plan")
    made = check.file(run("show", "-json", "plan"), "made.json")
    assert by_resource(check(made)) == by_resource(check(str(PLAN)))


def test_a_template_is_judged_as_a_whole(check: Check) -> None:
    findings = check(str(TEMPLATE))
    found = by_resource(findings)
    assert {"service-wildcard", "unknown-document"} <= found["Place"], "a policy of SAM's, and one of its templates"
    # A statement that isn't known hides no fault of the others.
    assert {"service-wildcard", "unknown-document"} <= found["Exporter"]
    assert "public-resource-policy" in found["ReceiptsPolicy"]
    assert "Shared" not in found, "references, parameters with defaults and pseudo parameters are known"
    text = TEMPLATE.read_text().splitlines()
    for found_one in findings:
        if found_one["rule"] in ("service-wildcard", "public-resource-policy"):
            assert text[found_one["line"] - 1].strip().startswith("- ")


def test_what_a_template_leaves_open_is_named(check: Check) -> None:
    unknown = [one for one in check(str(TEMPLATE)) if one["rule"] == "unknown-document"]
    assert {one["resource"]: one["message"].partition("known in full: ")[2] for one in unknown} == {
        "Place": "SAM's policy template `DynamoDBCrudPolicy`.",
        "Exporter": "the parameter `PeerBucketArn`, which has no default.",
    }
    allowed = check(str(TEMPLATE), "--allow-unknown")
    assert "unknown-document" not in rules(allowed)
    assert "service-wildcard" in by_resource(allowed)["Exporter"]


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ({"Fn::Sub": "arn:${AWS::Partition}:s3:::${Files}/*"}, True),
        ({"Fn::Sub": ["${A}/*", {"A": {"Fn::GetAtt": ["Files", "Arn"]}}]}, True),
        ({"Fn::Join": ["", [{"Fn::GetAtt": "Files.Arn"}, "/*"]]}, True),
        ({"Fn::If": ["Is", "arn:aws:s3:::files/*", {"Ref": "AWS::NoValue"}]}, True),
        ({"Fn::FindInMap": ["Buckets", "dev", "Arn"]}, True),
        ({"Fn::Select": [1, {"Fn::Split": [",", "a,arn:aws:s3:::files/*"]}]}, True),
        ({"Fn::FindInMap": ["Buckets", {"Ref": "AWS::Region"}, "Arn"]}, False),
        ({"Fn::ImportValue": "Files"}, False),
        ({"Fn::GetAtt": ["Files", "Nothing"]}, False),
        ({"Fn::Sub": "${Nothing}"}, False),
        ({"Ref": "Given"}, False),
        ({"Fn::If": ["Is", "arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]}, False),
        ({"Fn::Transform": {"Name": "Mine"}}, False),
    ],
)
def test_the_functions_of_a_template_are_carried_out(check: Check, value: Told, known: bool) -> None:
    document = json.loads(policy({"Effect": "Allow", "Action": "s3:GetObject", "Resource": value}))
    template = {
        "Parameters": {"Given": {"Type": "String"}},
        "Mappings": {"Buckets": {"dev": {"Arn": "arn:aws:s3:::files/*"}}},
        "Resources": {
            "Files": {"Type": "AWS::S3::Bucket"},
            "Policy": {
                "Type": "AWS::IAM::RolePolicy",
                "Properties": {"RoleName": "reader", "PolicyDocument": document},
            },
        },
    }
    assert rules(check(check.file(json.dumps(template)))) == (set() if known else {"unknown-document"})


def test_policies_of_one_role_of_a_template_are_judged_together(check: Check) -> None:
    job = "arn:aws:iam::123456789012:role/job"

    def attached(type_: str, action: str) -> Told:
        document = json.loads(policy({"Effect": "Allow", "Action": action, "Resource": job}))
        return {"Type": type_, "Properties": {"Roles": [{"Ref": "Deployer"}], "PolicyDocument": document}}

    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    resources = {
        "Deployer": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": json.loads(policy(trust))},
        },
        "Attach": attached("AWS::IAM::ManagedPolicy", "iam:AttachRolePolicy"),
        "Assume": attached("AWS::IAM::Policy", "sts:AssumeRole"),
    }
    found = by_resource(check(check.file(json.dumps({"Resources": resources}))))
    assert "joint-privilege-escalation" in found["Deployer"]
    assert "joint-privilege-escalation" not in {rule for name in ("Attach", "Assume") for rule in found.get(name, ())}


def test_conventions_are_silent_until_a_configuration_names_them(check: Check) -> None:
    assert "role-without-boundary" not in rules(check(str(PLAN)))
    config = check.file('{"role-without-boundary": "advisory", "service-wildcard": "disabled"}', "config.json")
    findings = check(str(PLAN), "--config", config)
    assert {one["level"] for one in findings if one["rule"] == "role-without-boundary"} == {"advisory"}
    assert "service-wildcard" not in rules(findings)


def test_what_is_advisory_lets_a_file_pass(check: Check) -> None:
    config = check.file('{"all": "advisory"}', "config.json")
    assert check(check.file(policy(WIDE)), "--config", config)
    assert check.code == 0


def test_a_waiver_names_a_resource_as_the_file_does(check: Check) -> None:
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


def test_text_explains_on_demand(check: Check) -> None:
    file = check.file(policy(READ, WIDE))
    assert "policy.json:" in check.printed(file)
    assert "    to fix  " not in check.printed(file)
    explained = check.printed(file, "--explain")
    assert "    to fix  Name the actions that are needed.\n" in explained
    assert "    source  https://" in explained


def test_text_has_no_commands_for_a_terminal(check: Check) -> None:
    wide = {**WIDE, "Action": "s3:*\u001b[2J"}
    assert "\u001b" not in check.printed(check.file(policy(wide)))
