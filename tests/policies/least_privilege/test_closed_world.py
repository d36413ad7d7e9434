"""Principals with access must belong to an agreed account or organization, and roles can't take on other identities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from tests.policies.analyzer import Json, Planned, StartPack
from tests.policies.least_privilege.test_roles import ACCOUNT, POLICY, ROLE, ROLE_INPUTS, ROLE_POLICY, TIGHT, document

OTHER: Final = "444455556666"
BUCKET: Final = "aws:s3/bucketPolicy:BucketPolicy"
OBJECTS: Final = "arn:aws:s3:::prod-data/*"
OWN_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/reader"
AGREED: Final = f"arn:aws:iam::{ACCOUNT}:role/agreed"
PROVIDER: Final = {"region": "eu-central-1", "allowedAccountIds": f'["{ACCOUNT}"]'}
TASK: Final = f"arn:aws:ecs:eu-central-1:{ACCOUNT}:task"
CLUSTER: Final = f"arn:aws:ecs:eu-central-1:{ACCOUNT}:cluster"

SNAPSHOT: Final = f"arn:aws:rds:eu-central-1:{ACCOUNT}:cluster-snapshot"

CLOSED: Final[Mapping[str, Mapping[str, Json]]] = {
    "unidentified-caller": {"closed_world": True},
    "unagreed-session": {"agreed": [AGREED]},
    "unagreed-deletion": {"agreed": [f"{SNAPSHOT}:tests-*"]},
}
PINNED: Final[Mapping[str, Mapping[str, Json]]] = {
    "pinned-account": {"account": ACCOUNT, "regions": ["eu-central-1"], "organizations": ["o-1111111111"]}
}

Case = tuple[str, dict[str, Json]]


def access(principal: Json, condition: Json = None, action: Json = "s3:GetObject") -> Case:
    """A bucket policy that lets a principal in."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": OBJECTS}
    text = document(statement if condition is None else {**statement, "Condition": condition})
    return BUCKET, {"bucket": "prod-data", "policy": text}


def trust(principal: Json, condition: Json = None, **inputs: Json) -> Case:
    """A role that a principal may assume."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    text = document(statement if condition is None else {**statement, "Condition": condition})
    return ROLE, {**ROLE_INPUTS, "assumeRolePolicy": text, **inputs}


def grant(action: Json, resource: Json, condition: Json = None) -> Case:
    """A policy of a role."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    text = document(statement if condition is None else {**statement, "Condition": condition})
    return ROLE_POLICY, {"name": "prod-app", "role": "prod-app", "policy": text}


def escaped(case: Case, text: str) -> Case:
    """The same case with the first letter of a text written as an escape."""
    type_, properties = case
    hidden = properties["policy"].replace(text, f"\\u{ord(text[0]):04x}{text[1:]}")
    assert hidden != properties["policy"]
    return type_, {**properties, "policy": hidden}


def equals(**keys: Json) -> Json:
    return {"StringEquals": {f"aws:{key}": value for key, value in keys.items()}}


ANYBODY: Final = "*"
FOREIGN_ARN: Final = f"arn:aws:iam::{OTHER}:role/reader"
FOREIGN: Final = {"AWS": f"arn:aws:iam::{OTHER}:root"}

STOPPED: Final[Mapping[str, tuple[str, Case]]] = {
    # A condition on everybody that a principal of another account meets.
    "role-of-another-account": ("pinned-account", access(ANYBODY, equals(PrincipalArn=FOREIGN_ARN))),
    "account-among-two": ("pinned-account", access(ANYBODY, equals(PrincipalAccount=[ACCOUNT, OTHER]))),
    "role-of-any-account": (
        "unidentified-caller",
        access(ANYBODY, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/reader"}}),
    ),
    "role-of-any-partition": (
        "unidentified-caller",
        access(ANYBODY, {"StringLike": {"aws:PrincipalArn": "arn:*:iam::4*:role/reader"}}),
    ),
    "account-compared-with-itself": (
        "unidentified-caller",
        access(ANYBODY, equals(PrincipalAccount="${aws:PrincipalAccount}")),
    ),
    "unique-id-of-a-session": (
        "unidentified-caller",
        access(ANYBODY, {"StringLike": {"aws:userid": "AROAABCDEFGHIJKLMNOP:*"}}),
    ),
    "network-of-somebody": ("unidentified-caller", access(ANYBODY, equals(SourceVpc="vpc-0aaaaaaaaaaaaaaaa"))),
    "endpoint-of-somebody": ("unidentified-caller", access(ANYBODY, equals(SourceVpce="vpce-0aaaaaaaaaaaaaaaa"))),
    "address-of-somebody": (
        "unidentified-caller",
        access(ANYBODY, {"IpAddress": {"aws:SourceIp": "203.0.113.7/32"}}),
    ),
    "unique-id-of-a-role": ("unidentified-caller", access({"AWS": "AROAABCDEFGHIJKLMNOP"})),
    "unique-id-of-a-user": ("unidentified-caller", access({"AWS": "AIDAABCDEFGHIJKLMNOP"})),
    "canonical-user": ("unidentified-caller", access({"CanonicalUser": "79a5" * 16})),
    "sign-in-with-an-application": (
        "unidentified-caller",
        access({"Federated": "accounts.google.com"}, {"StringEquals": {"accounts.google.com:aud": "app"}}),
    ),
    "account-in-escapes": ("malformed-document", escaped(access({"AWS": FOREIGN_ARN}), OTHER)),
    # Another organization.
    "organization": ("pinned-account", access(ANYBODY, equals(PrincipalOrgID="o-2222222222"))),
    "organization-by-its-path": (
        "pinned-account",
        access(ANYBODY, {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-2222222222/r-ab12/*"}}),
    ),
    "organization-among-two": (
        "pinned-account",
        access(ANYBODY, equals(PrincipalOrgID=["o-1111111111", "o-2222222222"])),
    ),
    "organization-in-escapes": (
        "malformed-document",
        escaped(access(ANYBODY, equals(PrincipalOrgID="o-2222222222")), "o-2222222222"),
    ),
    "organization-compared-with-itself": (
        "ineffective-condition",
        access(ANYBODY, equals(PrincipalOrgID="${aws:PrincipalOrgID}")),
    ),
    "organization-in-a-variable": (
        "unidentified-caller",
        access(ANYBODY, equals(PrincipalOrgID="${aws:ResourceOrgID}")),
    ),
    "service-for-an-organization-in-a-variable": (
        "unidentified-caller",
        access({"Service": "cloudtrail.amazonaws.com"}, equals(SourceOrgID="${aws:ResourceOrgID}"), "s3:PutObject"),
    ),
    "service-for-an-organization": (
        "pinned-account",
        access({"Service": "cloudtrail.amazonaws.com"}, equals(SourceOrgID="o-2222222222"), "s3:PutObject"),
    ),
    # A role that a principal elsewhere may assume.
    "trust-with-an-external-id": ("pinned-account", trust(FOREIGN, {"StringEquals": {"sts:ExternalId": "id"}})),
    "trust-with-an-external-id-and-a-boundary": (
        "pinned-account",
        trust(
            FOREIGN,
            {"StringEquals": {"sts:ExternalId": "id"}},
            permissionsBoundary=f"arn:aws:iam::{OTHER}:policy/app-boundary",
        ),
    ),
    "trust-of-an-organization": (
        "pinned-account",
        trust(ANYBODY, {"StringEquals": {"aws:PrincipalOrgID": "o-2222222222", "sts:ExternalId": "id"}}),
    ),
    "trust-with-an-external-id-compared-with-itself": (
        "cross-account-trust",
        trust({"AWS": ACCOUNT}, {"StringEquals": {"sts:ExternalId": "${sts:ExternalId}"}}),
    ),
    "trust-of-a-unique-id": ("unidentified-caller", trust({"AWS": "AROAABCDEFGHIJKLMNOP"})),
    "trust-in-a-network": ("unidentified-caller", trust(ANYBODY, equals(SourceVpce="vpce-0aaaaaaaaaaaaaaaa"))),
    # Any role.
    "assume-any-role": ("unagreed-session", grant("sts:AssumeRole", "*")),
    "assume-any-role-of-a-path": ("unagreed-session", grant("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/prod/*")),
    "assume-any-role-by-halves": (
        "unagreed-session",
        grant("sts:AssumeRole", [f"arn:aws:iam::{ACCOUNT}:role/{part}*" for part in ("a", "p")]),
    ),
    "assume-any-role-with-a-tag": (
        "unagreed-session",
        grant("sts:AssumeRole", "*", {"StringEquals": {"aws:ResourceTag/team": "data"}}),
    ),
    "assume-one-more-role": ("unagreed-session", grant("sts:AssumeRole", [AGREED, f"{AGREED}-too"])),
    "assume-by-a-pattern": ("unagreed-session", grant("sts:Assume*", OWN_ROLE)),
    "assume-root-of-a-member": ("unagreed-session", grant("sts:AssumeRoot", "arn:aws:iam::*:root")),
    # All tasks.
    "enter-any-task": ("unagreed-session", grant("ecs:ExecuteCommand", "*")),
    "enter-any-task-of-the-account": ("unagreed-session", grant("ecs:ExecuteCommand", f"{TASK}/*")),
    "enter-any-task-of-a-cluster": (
        "unagreed-session",
        grant("ecs:ExecuteCommand", [f"{TASK}/prod/*", f"{CLUSTER}/prod"]),
    ),
    "enter-any-task-by-a-condition": (
        "unagreed-session",
        grant("ecs:ExecuteCommand", "*", {"ArnLike": {"ecs:cluster": f"{CLUSTER}/*"}}),
    ),
    "enter-a-container-of-any-task": (
        "unagreed-session",
        grant("ecs:ExecuteCommand", "*", {"StringEquals": {"ecs:container-name": "app"}}),
    ),
    "enter-a-task-by-systems-manager": ("unagreed-session", grant("ssm:StartSession", f"{TASK}/prod/*")),
    # Data.
    "delete-the-database": (
        "unagreed-deletion",
        grant("rds:DeleteDBCluster", f"arn:aws:rds:eu-central-1:{ACCOUNT}:cluster:prod-database"),
    ),
    "delete-by-a-pattern": ("unagreed-deletion", grant("rds:DeleteDBCluster*", f"{SNAPSHOT}:prod-*")),
    "delete-one-more-snapshot": (
        "unagreed-deletion",
        grant("rds:DeleteDBClusterSnapshot", [f"{SNAPSHOT}:tests-*", f"{SNAPSHOT}:prod-database-g1-final"]),
    ),
    "delete-what-was-there-before": ("unagreed-deletion", grant("s3:DeleteObjectVersion", OBJECTS)),
    "delete-by-the-policy-of-a-bucket": (
        "unagreed-deletion",
        access({"AWS": OWN_ROLE}, action=["s3:DeleteObjectVersion"]),
    ),
    "delete-a-key": (
        "unagreed-deletion",
        grant(
            "kms:ScheduleKeyDeletion", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/0a1b2c3d-0000-1111-2222-333344445555"
        ),
    ),
}


@pytest.mark.parametrize("name", STOPPED)
def test_foreign_principals_are_stopped(pack: StartPack, name: str) -> None:
    rule, (type_, properties) = STOPPED[name]
    packs = (pack("least_privilege", config=CLOSED), pack("inventory", config=PINNED))
    found = [item for judge in packs for item in judge.resource(type_, properties, provider=PROVIDER)]
    assert rule in {one for item in found for one in item.rules}


PASSING: Final[Mapping[str, Case]] = {
    "role-of-this-account": access({"AWS": OWN_ROLE}),
    "role-of-this-account-by-a-condition": access(ANYBODY, equals(PrincipalArn=OWN_ROLE)),
    "this-account-by-a-variable": access(ANYBODY, equals(PrincipalAccount="${aws:ResourceAccount}")),
    "agreed-organization": access(ANYBODY, equals(PrincipalOrgID="o-1111111111")),
    "service-for-this-account": access(
        {"Service": "delivery.logs.amazonaws.com"}, equals(SourceAccount=ACCOUNT), "s3:PutObject"
    ),
    "agreed-role": grant("sts:AssumeRole", AGREED),
    "agreed-deletion": grant("rds:DeleteDBClusterSnapshot", f"{SNAPSHOT}:tests-1"),
    "deletion-that-comes-back": grant("s3:DeleteObject", OBJECTS),
    "deletion-that-the-account-decides-on": access({"AWS": ACCOUNT}, action="s3:DeleteObjectVersion"),
    "who-am-i": grant("sts:GetCallerIdentity", "*"),
    "escapes-of-a-tool": (
        BUCKET,
        {"policy": access({"AWS": OWN_ROLE})[1]["policy"][:-1] + ', "Id": "\\u003c\\u00e4"}'},
    ),
}


@pytest.mark.parametrize("name", PASSING)
def test_agreed_principals_pass(pack: StartPack, name: str) -> None:
    type_, properties = PASSING[name]
    found = pack("least_privilege", config=CLOSED).resource(type_, properties, provider=PROVIDER)
    pinned = pack("inventory", config=PINNED).resource(type_, properties, provider=PROVIDER)
    assert [*found, *(item for item in pinned if item.rule == "pinned-account")] == []


def test_a_boundary_may_allow_assuming_a_role(pack: StartPack) -> None:
    text = grant("sts:AssumeRole", OWN_ROLE)[1]["policy"]
    judge = pack("least_privilege", config=CLOSED)
    assert judge.resource(POLICY, {"name": "app-boundary", "policy": text}) == []
    assert [item.rule for item in judge.resource(POLICY, {"name": "app", "policy": text})] == ["unagreed-session"]


def test_other_projects_do_not_have_the_closed_world(pack: StartPack) -> None:
    judge = pack("least_privilege")
    for name in ("endpoint-of-somebody", "unique-id-of-a-role", "assume-any-role-of-a-path"):
        assert judge.resource(*STOPPED[name][1], provider=PROVIDER) == []


def named_boundary(arn: str) -> Planned:
    return Planned(ROLE, {**ROLE_INPUTS, "permissionsBoundary": arn}, "bounded")


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{ACCOUNT}:policy/other-boundary",
        f"arn:aws:iam::{ACCOUNT}:policy/path/app-boundary",
        f"arn:aws:iam::{ACCOUNT}:policy/App-Boundary",
        f"arn:aws:iam::{ACCOUNT}:role/app-boundary",
    ],
)
def test_a_boundary_must_be_part_of_this_stack(pack: StartPack, arn: str) -> None:
    stack = [named_boundary(arn), Planned(POLICY, {"name": "app-boundary", "policy": TIGHT}, "boundary")]
    found = pack("least_privilege").stack_of(stack)
    assert [(item.rule, item.urn.rpartition("::")[2]) for item in found] == [("foreign-boundary", "bounded")]
    assert pack("least_privilege", config={"foreign-boundary": {"allowed": [arn]}}).stack_of(stack) == []
    assert pack("least_privilege").stack_of([named_boundary(ROLE_INPUTS["permissionsBoundary"]), stack[1]]) == []
