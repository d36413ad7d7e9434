"""A policy may be wider as a boundary than as a grant, unless it is also attached."""

from __future__ import annotations

import pytest

from tests.policies.analyzer import UNKNOWN, Json, Planned, StartPack
from tests.policies.least_privilege.test_roles import (
    ACCOUNT,
    ADMIN,
    ATTACHMENT,
    BOUNDARY_ELSEWHERE,
    POLICY,
    ROLE,
    ROLE_INPUTS,
    TIGHT,
    allow,
    document,
    rules,
)

WIDE = document(allow("s3:Put*", "arn:aws:s3:::prod-data"))


def test_a_boundary_may_be_wide(pack: StartPack) -> None:
    assert rules(pack, POLICY, {"name": "app-boundary", "policy": WIDE}) == []
    assert "permissions-management" in rules(pack, POLICY, {"name": "app", "policy": WIDE})
    assert rules(pack, POLICY, {"name": "app-boundary", "policy": ADMIN}) == ["wildcard-action"]


@pytest.mark.parametrize(
    ("rule", "text"),
    {
        "wildcard-resource": document(allow(["s3:GetObject", "s3:PutObject"], "*")),
        "privilege-escalation": document(allow("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/x/*")),
        "unscoped-pass-role": document(allow("iam:PassRole", "*")),
        "data-exfiltration": document(allow("secretsmanager:GetSecretValue", "*")),
    }.items(),
)
def test_a_boundary_that_limits_nothing_is_refused(pack: StartPack, rule: str, text: str) -> None:
    assert rule in rules(pack, POLICY, {"name": "app-boundary", "policy": text})


BOUNDARY_ARN = f"arn:aws:iam::{ACCOUNT}:policy/x/app-boundary"
BOUNDED = Planned(ROLE, {**ROLE_INPUTS, "permissionsBoundary": BOUNDARY_ARN}, "bounded")


def boundary(text: str) -> Planned:
    return Planned(POLICY, {"name": "app-boundary", "path": "/x/", "policy": text}, "boundary")


@pytest.mark.parametrize(
    "attachment",
    [
        Planned(ATTACHMENT, {"role": "app", "policyArn": BOUNDARY_ARN}, "attached"),
        Planned(
            "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
            {"roleName": "app", "policyArns": [BOUNDARY_ARN]},
            "attached",
        ),
        Planned(ROLE, {**ROLE_INPUTS, "managedPolicyArns": [BOUNDARY_ARN]}, "attached"),
        *(
            Planned("aws:iam/policyAttachment:PolicyAttachment", {to: ["x"], "policyArn": BOUNDARY_ARN}, "attached")
            for to in ("roles", "users", "groups")
        ),
        *(
            Planned(
                f"aws:iam/{kind.lower()}PolicyAttachment:{kind}PolicyAttachment",
                {"policyArn": BOUNDARY_ARN},
                "attached",
            )
            for kind in ("User", "Group")
        ),
        *(
            Planned(
                f"aws:iam/{kind.lower()}PolicyAttachmentsExclusive:{kind}PolicyAttachmentsExclusive",
                {"policyArns": [BOUNDARY_ARN]},
                "attached",
            )
            for kind in ("User", "Group")
        ),
        Planned(
            "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment",
            {"managedPolicyArn": BOUNDARY_ARN},
            "attached",
        ),
        Planned(
            "aws:ssoadmin/customerManagedPolicyAttachment:CustomerManagedPolicyAttachment",
            {"customerManagedPolicyReference": {"name": "app-boundary", "path": "/x/"}},
            "attached",
        ),
        Planned("aws:quicksight/iamPolicyAssignment:IamPolicyAssignment", {"policyArn": BOUNDARY_ARN}, "attached"),
    ],
)
def test_an_attached_boundary_is_judged_as_a_grant(pack: StartPack, attachment: Planned) -> None:
    judge = pack("least_privilege", config=BOUNDARY_ELSEWHERE)
    found = judge.stack_of([boundary(WIDE), BOUNDED, attachment])
    assert {(item.rule, item.urn.rpartition("::")[2]) for item in found} == {("misused-boundary", "attached")}
    assert judge.stack_of([boundary(TIGHT), BOUNDED, attachment]) == []


def test_a_policy_is_a_boundary_only_if_a_role_uses_it_as_one(pack: StartPack) -> None:
    judge = pack("least_privilege")
    wide = boundary(WIDE)
    assert judge.resource(POLICY, wide.properties) == []
    assert judge.stack_of([wide, BOUNDED]) == []
    alone = {(item.rule, item.urn.rpartition("::")[2]) for item in judge.stack_of([wide])}
    assert alone == {("misused-boundary", "boundary")}
    assert judge.stack_of([boundary(TIGHT)]) == []


@pytest.mark.parametrize("to", ["users", "groups"])
@pytest.mark.parametrize("names", [["x"], UNKNOWN, [UNKNOWN]])
def test_attaching_a_policy_to_a_user_or_group_is_refused(pack: StartPack, to: str, names: Json) -> None:
    type_ = "aws:iam/policyAttachment:PolicyAttachment"
    arn = "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"
    assert rules(pack, type_, {to: names, "policyArn": arn}) == ["iam-user"]
    assert rules(pack, type_, {to: [], "roles": ["app"], "policyArn": arn}) == []
