"""`python -m policies check` on plans and templates judges their resources, alone and together."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.policies.acceptance import terraform
from tests.policies.check.command import READ, WIDE, Check, Told, by_resource, policy, rules

FILES: Final = Path(__file__).parent
TEMPLATE: Final = FILES / "template.yaml"
CONDITIONAL: Final = """
  Last:
    Type: AWS::IAM::RolePolicy
    Properties:
      RoleName: last
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - !If
            - IsProd
            - { Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::reports/*" }
            - { Effect: Allow, Action: "s3:PutObject", Resource: "arn:aws:s3:::reports/*" }
          - !If [IsProd, !Ref AWS::NoValue, { Effect: Allow, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" }]
          - Effect: Allow
            Action: "sqs:*"
            Resource: arn:aws:sqs:eu-central-1:123456789012:jobs
"""
PLAN: Final = FILES / "terraform" / "plan.json"


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
    # The role and the policy have no names, but the plan still shows that they belong together.
    assert found["aws_iam_role.deployer"] == {"joint-privilege-escalation"}
    assert "public-resource-policy" in found["module.store[0].aws_sqs_queue_policy.open"]
    assert found["aws_s3_bucket_policy.open"] == {"unknown-document"}
    # A property that isn't set, and that the provider fills in, doesn't count as unknown.
    assert "aws_s3_bucket.open" not in found
    assert "aws_iam_role.worker" not in found


def test_an_unknown_value_is_reported_with_its_origin(check: Check) -> None:
    (found,) = [one for one in check(str(PLAN)) if one["rule"] == "unknown-document"]
    assert found["message"] == "`policy` isn't fully known: it comes from aws_s3_bucket.open.arn."
    assert "unknown-document" not in rules(check(str(PLAN), "--allow-unknown"))


def test_a_sensitive_document_counts_as_unknown(check: Check) -> None:
    plan = json.loads(PLAN.read_text())
    (entry,) = [one for one in plan["resource_changes"] if one["address"] == "aws_iam_role_policy.everything"]
    entry["change"]["after_sensitive"] = {"policy": True}
    found = by_resource(check(check.file(json.dumps(plan))))
    assert found["aws_iam_role_policy.everything"] == {"unknown-document"}


def test_resources_that_a_terraform_plan_deletes_are_not_judged(check: Check) -> None:
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
    assert {"service-wildcard", "unknown-document"} <= found["Place"], "a SAM policy, and a SAM policy template"
    # An unknown statement hides no fault of the others.
    assert {"service-wildcard", "unknown-document"} <= found["Exporter"]
    assert "public-resource-policy" in found["ReceiptsPolicy"]
    assert "Shared" not in found, "references, parameters with defaults and pseudo parameters are known"
    text = TEMPLATE.read_text().splitlines()
    lines = {(one["resource"], text[one["line"]].strip()) for one in findings if one["rule"] == "service-wildcard"}
    assert lines == {("Place", 'Action: "dynamodb:*"'), ("Exporter", "Action: iam:*")}, "one element below its Effect"


def test_unresolved_parts_of_a_template_are_named(check: Check) -> None:
    unknown = [one for one in check(str(TEMPLATE)) if one["rule"] == "unknown-document"]
    assert {one["resource"]: one["message"].partition("fully known: ")[2] for one in unknown} == {
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
        ({"Fn::Sub": "arn:aws:s3:::${Empty}/*"}, False),
        ({"Fn::If": ["Is", "arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]}, False),
        ({"Fn::Transform": {"Name": "Mine"}}, False),
    ],
)
def test_functions_of_a_template_are_evaluated(check: Check, value: Told, known: bool) -> None:
    document = json.loads(policy({"Effect": "Allow", "Action": "s3:GetObject", "Resource": value}))
    template = {
        "Parameters": {"Given": {"Type": "String"}, "Empty": {"Type": "String", "Default": ""}},
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


def one_resource(check: Check, type_: str, **properties: object) -> str:
    template = {
        "Parameters": {"Given": {"Type": "String"}},
        "Resources": {"It": {"Type": type_, "Properties": properties}},
    }
    return check.file(json.dumps(template), "template.json")


def test_both_sides_of_a_condition_are_judged(check: Check) -> None:
    for sides in ([READ, WIDE], [WIDE, READ]):
        document = {"Version": "2012-10-17", "Statement": [{"Fn::If": ["Is", *sides]}]}
        file = one_resource(check, "AWS::IAM::RolePolicy", RoleName="reader", PolicyDocument=document)
        assert "service-wildcard" in rules(check(file))


def test_a_condition_does_not_change_line_numbers(check: Check) -> None:
    text = TEMPLATE.read_text() + CONDITIONAL
    found = check(check.file(text, "template.yaml"))
    lines = {one["line"] for one in found if (one["rule"], one["resource"]) == ("service-wildcard", "Last")}
    assert lines == {len(text.splitlines()) - 2}, "the last statement, of three lines"


def test_a_policy_without_principals_is_judged(check: Check) -> None:
    assert "service-wildcard" in rules(
        check(one_resource(check, "AWS::IAM::Policy", PolicyDocument=json.loads(policy(WIDE))))
    )


def test_an_unknown_attached_policy_is_a_finding(check: Check) -> None:
    group = one_resource(check, "AWS::IAM::Group", ManagedPolicyArns=[{"Ref": "Given"}])
    assert "unresolved-managed-policy" in rules(check(group))
    assert rules(check(group, "--allow-unknown")) == {"iam-user"}
