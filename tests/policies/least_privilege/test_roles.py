"""Attached policies, principals that get permissions, unknown values, and what configuration allows."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from tests.policies.analyzer import UNKNOWN, Json, Planned, StartPack, secret

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ACCOUNT = "123456789012"


def document(*statements: dict[str, Json]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def allow(action: Json, resource: Json) -> dict[str, Json]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


TRUST = document(
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
)
TIGHT = document(allow("sqs:SendMessage", f"arn:aws:sqs:eu-central-1:{ACCOUNT}:mail"))
ADMIN = document(allow("*", "*"))
ROLE_INPUTS = {
    "name": "app",
    "assumeRolePolicy": TRUST,
    "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/app-boundary",
}

BOUNDARY_ELSEWHERE = {"foreign-boundary": {"allowed": [ROLE_INPUTS["permissionsBoundary"]]}}
"""The stacks of these tests are incomplete: the roles' boundary isn't in them."""


def rules(pack: StartPack, type_: str, properties: dict[str, Json], **config: dict[str, Json]) -> list[str]:
    found = pack("least_privilege", config=config or None).resource(type_, properties)
    return [rule for item in found for rule in item.rules]


# --- unknown documents and values that aren't documents -------------------------------------------------------------

HOLDERS = {
    ROLE_POLICY: "policy",
    POLICY: "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:s3/bucket:Bucket": "policy",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    "aws:secretsmanager/secret:Secret": "policy",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:lambda/permission:Permission": "principal",
}


@pytest.mark.parametrize("type_", HOLDERS)
def test_unknown_document_is_a_violation(pack: StartPack, type_: str) -> None:
    assert "unknown-document" in rules(pack, type_, {HOLDERS[type_]: UNKNOWN})
    assert "unknown-document" in rules(pack, type_, {HOLDERS[type_]: secret(UNKNOWN)})


@pytest.mark.parametrize("value", [7, True, ["a"], "", "{", "null", "[]", '{"Statement": NaN}', {"Version": UNKNOWN}])
@pytest.mark.parametrize("type_", [type_ for type_ in HOLDERS if "Permission" not in type_])
def test_a_value_that_is_not_a_document_is_a_violation(pack: StartPack, type_: str, value: Json) -> None:
    found = rules(pack, type_, {HOLDERS[type_]: value})
    assert {"malformed-document", "unknown-document"} & set(found)


@pytest.mark.parametrize("inline", [UNKNOWN, [UNKNOWN], [{"name": "a", "policy": UNKNOWN}]])
def test_unknown_inline_policies_are_violations(pack: StartPack, inline: Json) -> None:
    assert rules(pack, ROLE, {**ROLE_INPUTS, "inlinePolicies": inline}) == ["unknown-document"]


@pytest.mark.parametrize("inline", [7, [7], [{"name": "a"}], [{"name": "a", "policy": [1]}]])
def test_malformed_inline_policies_are_violations(pack: StartPack, inline: Json) -> None:
    assert rules(pack, ROLE, {**ROLE_INPUTS, "inlinePolicies": inline}) == ["malformed-document"]


def test_inline_policies_are_judged(pack: StartPack) -> None:
    inline = [{"name": "a", "policy": TIGHT}, {"name": "b", "policy": ADMIN}]
    assert rules(pack, ROLE, {**ROLE_INPUTS, "inlinePolicies": inline}) == ["wildcard-action"]
    assert rules(pack, ROLE, {**ROLE_INPUTS, "inlinePolicies": [{}]}) == []


def test_messages_contain_no_condition_values(pack: StartPack) -> None:
    text = document(
        {**allow("s3:GetObject", "*"), "Condition": {"StringLike": {"aws:UserAgent": "canary", "aws:Nope": "canary"}}}
    )
    found = pack("least_privilege").resource(ROLE_POLICY, {"policy": text})
    assert found
    assert not any("canary" in violation.message for violation in found)


# --- a permission of a function -------------------------------------------------------------------------------------

BUCKET = {"action": "lambda:InvokeFunction", "function": "f", "principal": "s3.amazonaws.com"}
URL = {"action": "lambda:InvokeFunctionUrl", "function": "f", "principal": "*"}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({**BUCKET, "sourceArn": "arn:aws:s3:::uploads", "sourceAccount": ACCOUNT}, []),
        ({**BUCKET, "sourceAccount": ACCOUNT}, []),
        (BUCKET, ["confused-deputy"]),
        ({**BUCKET, "sourceArn": "arn:aws:s3:::*"}, ["confused-deputy"]),
        ({**BUCKET, "principal": "*"}, ["public-resource-policy"]),
        ({**BUCKET, "principal": "*", "principalOrgId": "o-a1b2c3"}, []),
        ({**URL, "functionUrlAuthType": "NONE"}, ["public-resource-policy"]),
        ({**BUCKET, "principal": "444455556666"}, ["cross-account-access"]),
        ({**BUCKET, "action": "lambda:*", "sourceAccount": ACCOUNT}, ["service-wildcard"]),
        ({**BUCKET, "action": UNKNOWN}, ["unknown-document"]),
        ({"function": "f"}, ["malformed-document"]),
        ({**BUCKET, "principal": 7}, ["malformed-document"]),
    ],
)
def test_a_lambda_permission_is_judged_as_a_resource_policy(
    pack: StartPack, properties: dict[str, Json], expected: list[str]
) -> None:
    assert rules(pack, "aws:lambda/permission:Permission", properties) == expected


# --- principals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "type_",
    ["user:User", "group:Group", "accessKey:AccessKey", "userLoginProfile:UserLoginProfile", "sshKey:SshKey"],
)
def test_users_groups_and_keys_are_violations(pack: StartPack, type_: str) -> None:
    assert rules(pack, f"aws:iam/{type_}", {"name": "alice"}) == ["iam-user"]


@pytest.mark.parametrize("boundary", [None, UNKNOWN, 7, "", "arn:aws:iam::aws:policy/AdministratorAccess"])
def test_a_role_needs_a_boundary(pack: StartPack, boundary: Json) -> None:
    assert rules(pack, ROLE, {**ROLE_INPUTS, "permissionsBoundary": boundary}) == ["role-without-boundary"]


def test_boundaries_can_be_configured(pack: StartPack) -> None:
    named = {"role-without-boundary": {"boundaries": ["arn:aws:iam::*:policy/other-*"]}}
    assert rules(pack, ROLE, ROLE_INPUTS, **named) == ["role-without-boundary"]


# --- managed policies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess", []),
        ("arn:aws:iam::aws:policy/AutoScalingReadOnlyAccess", []),
        ("arn:aws:iam::aws:policy/AdministratorAccess", ["broad-managed-policy"]),
        ("arn:aws:iam::aws:policy/PowerUserAccess", ["broad-managed-policy"]),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", ["broad-managed-policy"]),
        ("arn:aws:iam::aws:policy/AmazonS3FullAccess", ["broad-managed-policy"]),
        ("arn:aws:iam::aws:policy/IAMFullAccess", ["broad-managed-policy"]),
        ("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy", ["broad-managed-policy"]),
        ("arn:aws-cn:iam::aws:policy/AdministratorAccess", ["broad-managed-policy"]),
        ("arn:aws:iam::aws:policy/AmazonEverythingAccess", ["unresolved-managed-policy"]),
        ("arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy", ["unresolved-managed-policy"]),
        ("AdministratorAccess", ["unresolved-managed-policy"]),
        ("", ["unresolved-managed-policy"]),
        (7, ["unresolved-managed-policy"]),
        (None, ["unresolved-managed-policy"]),
        (UNKNOWN, ["unresolved-managed-policy"]),
    ],
)
def test_broad_and_unknown_managed_policies_are_reported(pack: StartPack, arn: Json, expected: list[str]) -> None:
    assert rules(pack, ATTACHMENT, {"role": "app", "policyArn": arn}) == expected
    if arn is not None:
        assert rules(pack, ROLE, {**ROLE_INPUTS, "managedPolicyArns": [arn]}) == expected


def test_managed_policies_can_be_allowed(pack: StartPack) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    inputs = {"role": "app", "policyArn": arn}
    assert rules(pack, ATTACHMENT, inputs) == ["broad-managed-policy"]
    assert rules(pack, ATTACHMENT, inputs, **{"broad-managed-policy": {"allowed": [arn]}}) == []


# --- all policies of a role together --------------------------------------------------------------------------------

FUNCTIONS = document(
    allow(["lambda:CreateFunction", "lambda:InvokeFunction"], f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:job")
)
PASS = document(allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/*"))
PASS_ONE = document(allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/job"))
OPEN = document(allow("iam:UpdateAssumeRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/admin"))
ENTER = document(allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"))


def role(**inputs: Json) -> Planned:
    return Planned(ROLE, {**ROLE_INPUTS, **inputs}, "role")


def inline(name: str, text: Json, of: Json = "app") -> Planned:
    return Planned(ROLE_POLICY, {"role": of, "name": name, "policy": text}, name)


def managed(name: str, text: str) -> list[Planned]:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    return [
        Planned(POLICY, {"name": name, "policy": text}, name),
        Planned(ATTACHMENT, {"role": "app", "policyArn": arn}, f"{name}-attached"),
    ]


@pytest.mark.parametrize(
    "stack",
    [
        [role(), inline("a", FUNCTIONS), inline("b", PASS)],
        [role(), inline("a", OPEN), inline("b", ENTER)],
        [role(inlinePolicies=[{"name": "a", "policy": OPEN}]), inline("b", ENTER)],
        [role(), *managed("a", OPEN), *managed("b", ENTER)],
        [role(), inline("a", OPEN), *managed("b", ENTER)],
        [role(), inline("a", FUNCTIONS), *managed("b", PASS)],
        [role(managedPolicyArns=["arn:aws:iam::aws:policy/AWSCloudFormationFullAccess"]), inline("b", PASS)],
        [inline("a", OPEN), inline("b", ENTER)],
        [
            role(),
            inline("a", OPEN),
            Planned(POLICY, {"name": "b", "policy": ENTER}, "b"),
            Planned(
                "aws:iam/policyAttachment:PolicyAttachment",
                {"roles": ["x", "app"], "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/b"},
                "all",
            ),
        ],
        [
            role(managedPolicyArns=["arn:aws:iam::aws:policy/service-role/AWSLambdaRole"]),
            inline("b", OPEN),
            *managed("c", ENTER),
        ],
    ],
)
def test_an_escalation_across_several_policies_is_reported(pack: StartPack, stack: list[Planned]) -> None:
    found = pack("least_privilege", config=BOUNDARY_ELSEWHERE).stack_of(stack)
    assert {item.rule for item in found} == {"joint-privilege-escalation"}
    assert len({item.urn for item in found}) == 1


def test_escalations_with_one_cause_are_one_finding(pack: StartPack) -> None:
    ways = ["ec2:RunInstances", "glue:CreateJob", "glue:StartJobRun", "lambda:CreateFunction", "lambda:InvokeFunction"]
    making = document({"Effect": "Allow", "Action": ways, "Resource": "*"})
    [found] = pack("least_privilege", config=BOUNDARY_ELSEWHERE).stack_of(
        [role(), inline("a", PASS), inline("b", making)]
    )
    assert "The policies of the role `app`: `iam:PassRole`, `ec2:RunInstances` allow" in found.message
    assert "It also breaks `joint-privilege-escalation` (2 findings)." in found.message


@pytest.mark.parametrize(
    "stack",
    [
        [role(), inline("a", FUNCTIONS), inline("b", PASS_ONE)],
        [role(), inline("a", OPEN), inline("b", ENTER, of="other")],
        [role(), inline("a", OPEN), inline("b", ENTER.replace("role/admin", "role/reader"))],
        [role(), inline("a", TIGHT), *managed("b", TIGHT)],
        [
            role(),
            inline("a", OPEN),
            inline("b", ENTER),
            inline("c", document({"Effect": "Deny", "Action": "iam:*", "Resource": "*"})),
        ],
    ],
)
def test_policies_that_do_not_combine_pass(pack: StartPack, stack: list[Planned]) -> None:
    assert pack("least_privilege", config=BOUNDARY_ELSEWHERE).stack_of(stack) == []


def test_a_policy_of_an_unknown_role_is_reported(pack: StartPack) -> None:
    found = pack("least_privilege").stack_of([inline("a", TIGHT, of=UNKNOWN)])
    assert [item.rule for item in found] == ["joint-privilege-escalation"]


def test_a_managed_policy_from_elsewhere_must_be_allowed(pack: StartPack) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/elsewhere"
    attached = [Planned(ATTACHMENT, {"role": "app", "policyArn": arn}, "attached")]
    assert [item.rule for item in pack("least_privilege").stack_of(attached)] == ["foreign-managed-policy"]
    allowed = {"foreign-managed-policy": {"allowed": [arn]}}
    assert pack("least_privilege", config=allowed).stack_of(attached) == []


# --- configuration and waivers --------------------------------------------------------------------------------------


def test_accounts_and_services_can_be_allowed(pack: StartPack) -> None:
    vendor = document({"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"})
    assert rules(pack, ROLE, {**ROLE_INPUTS, "assumeRolePolicy": vendor}) == ["cross-account-trust"]
    accounts = {"cross-account-trust": {"accounts": ["444455556666"]}}
    assert rules(pack, ROLE, {**ROLE_INPUTS, "assumeRolePolicy": vendor}, **accounts) == []
    tasks = document(
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    services = {"unscoped-service-trust": {"services": ["ecs-tasks.amazonaws.com"]}}
    assert rules(pack, ROLE, {**ROLE_INPUTS, "assumeRolePolicy": tasks}) == ["unscoped-service-trust"]
    assert rules(pack, ROLE, {**ROLE_INPUTS, "assumeRolePolicy": tasks}, **services) == []


def test_the_whole_own_account_may_be_let_in(pack: StartPack) -> None:
    text = document({**allow("s3:GetObject", "arn:aws:s3:::b/*"), "Principal": {"AWS": ACCOUNT}})
    judge = pack("least_privilege")
    type_ = "aws:s3/bucketPolicy:BucketPolicy"
    assert [item.rule for item in judge.resource(type_, {"policy": text})] == ["cross-account-access"]
    assert judge.resource(type_, {"policy": text}, provider={"allowedAccountIds": json.dumps([ACCOUNT])}) == []


def test_roles_of_unlisted_accounts_can_be_refused(pack: StartPack) -> None:
    """A role of another account, by its name: refused if the configuration doesn't list the account."""
    reader = "arn:aws:iam::444455556666:role/reader"
    text = document({**allow("s3:GetObject", "arn:aws:s3:::b/*"), "Principal": {"AWS": reader}})
    managing = document({**allow("s3:PutBucketPolicy", "arn:aws:s3:::b"), "Principal": {"AWS": reader}})
    own = {"allowedAccountIds": json.dumps([ACCOUNT])}

    def found(text: str, **config: Json) -> list[str]:
        judge = pack("least_privilege", config={"cross-account-access": config})
        type_ = "aws:s3/bucketPolicy:BucketPolicy"
        return [item.rule for item in judge.resource(type_, {"policy": text}, provider=own)]

    assert found(text) == []
    assert found(text, unlisted_roles=False) == ["cross-account-access"]
    assert found(text, unlisted_roles=False, accounts=["444455556666"]) == []
    assert found(managing) == ["cross-account-access"]


def test_a_waiver_holds_until_it_expires(pack: StartPack) -> None:
    today = str(dt.datetime.now(dt.UTC).date())
    waiver = {"resource": "it", "reason": "moves to its own queue", "owner": "ana", "expires": today}
    waived = {"wildcard-action": {"waivers": [waiver]}}
    assert rules(pack, ROLE_POLICY, {"policy": ADMIN}, **waived) == []
    late = {"wildcard-action": {"waivers": [{**waiver, "expires": "2020-01-01"}]}}
    assert rules(pack, ROLE_POLICY, {"policy": ADMIN}, **late) == ["wildcard-action"]
    assert [item.rule for item in pack("least_privilege", config=late).root()] == ["wildcard-action"]
