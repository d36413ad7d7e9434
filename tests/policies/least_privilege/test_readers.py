"""The roles that can read a secret or parameter are compared with the list, both ways, through the protocol."""

from __future__ import annotations

import json
from typing import Final

import pytest

from generators.expected_readers import readers_file
from policies.least_privilege import RULES
from policies.rulebook import Judgement, Resource
from policies.rulebook.judging import Judge
from policies.rulebook.resource import Stack
from tests.owner import owned
from tests.policies.analyzer import UNKNOWN, Json, Planned, StartPack

ACCOUNT: Final = "123456789012"
SECRET: Final = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:prod/db/admin-??????"
OTHER: Final = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:prod/api/key-??????"
PARAMETER: Final = f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/prod/app/mode"
MALFORMED: Final = ("", "[]", "[1]", f'["{ACCOUNT}", "2"]', '{"0": "1"}', "[")
LIMIT: Final = f"arn:aws:iam::{ACCOUNT}:policy/limit"


def document(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def reads(resource: Json, action: Json = "secretsmanager:GetSecretValue", **more: Json) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def role(name: str, *statements: Json, boundary: str | None = None) -> list[Planned]:
    trust = document({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
    inputs = {"name": name, "assumeRolePolicy": trust, **({"permissionsBoundary": boundary} if boundary else {})}
    policy = {"role": name, "name": name, "policy": document(*statements)}
    return [
        Planned("aws:iam/role:Role", inputs, name),
        *([Planned("aws:iam/rolePolicy:RolePolicy", policy, name)] if statements else []),
    ]


def secret(name: str = "prod/db/admin", **more: Json) -> Planned:
    return Planned("aws:secretsmanager/secret:Secret", {"name": name, **more}, name)


def messages(
    pack: StartPack, resources: list[Planned], rule: str = "secret-readers", readers: Json = None
) -> list[str]:
    judge = pack("least_privilege", config={rule: {"readers": {SECRET: ["app"]} if readers is None else readers}})
    return [item.message for item in judge.stack_of(resources) if item.rule == rule]


def test_declared_readers_pass(pack: StartPack) -> None:
    assert messages(pack, [secret(), *role("app", reads(SECRET)), *role("idle")]) == []


@pytest.mark.parametrize(
    "extra",
    [
        reads(SECRET),
        reads("*"),
        reads(SECRET.replace("-??????", "-*")),
        reads(f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:prod/*"),
        reads(SECRET, "secretsmanager:Get*"),
        reads(SECRET, Condition={"StringEquals": {"aws:PrincipalTag/team": "data"}}),
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "NotResource": OTHER},
    ],
)
def test_an_undeclared_reader_is_reported(pack: StartPack, extra: Json) -> None:
    found = messages(pack, [secret(), *role("app", reads(SECRET)), *role("spy", extra)])
    assert any(
        "`spy` can read the secret `prod/db/admin`, though it isn't a declared reader" in message for message in found
    )


@pytest.mark.parametrize(
    "statements",
    [
        (reads(SECRET, "secretsmanager:DescribeSecret"),),
        (reads(OTHER),),
        (reads(SECRET), reads(SECRET) | {"Effect": "Deny"}),
        (reads(SECRET.replace("-??????", "-AbCdEf")),),
    ],
)
def test_a_declared_reader_without_access_is_reported(pack: StartPack, statements: tuple[Json, ...]) -> None:
    found = messages(pack, [secret(), *role("app", *statements)])
    assert any("`app` can't read the secret `prod/db/admin`" in message for message in found)
    assert any("there is no such role" in message for message in messages(pack, [secret()]))


def test_the_list_may_name_secrets_that_the_program_lacks(pack: StartPack) -> None:
    """Owners first agree to a reader of a new secret; the change that adds the secret is then judged by that list."""
    stack = [secret(), *role("app", reads(SECRET))]
    assert messages(pack, stack, readers={SECRET: ["app"], OTHER: ["app", "to-come"]}) == []
    # A role that can read it already is checked against the list, and the stack's own secrets are too.
    (found,) = messages(pack, [*stack, *role("spy", reads(OTHER))], readers={SECRET: ["app"], OTHER: ["spy", "app"]})
    assert "`app` can't read the secret" in found
    assert any("to-come" in said for said in messages(pack, stack, readers={SECRET: ["app", "to-come"]}))


def test_boundaries_and_denials_limit_readers(pack: StartPack) -> None:
    limit = {"name": "limit", "policy": document(reads(OTHER))}
    bounded = [Planned("aws:iam/policy:Policy", limit, "limit"), *role("spy", reads("*"), boundary=LIMIT)]
    found = messages(pack, [secret(), *role("app", reads(SECRET)), *bounded])
    assert len(found) == 1
    assert "isn't a secret on the list" in found[0]
    denied = role("spy", reads(SECRET), {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"})
    assert messages(pack, [secret(), *role("app", reads(SECRET)), *denied]) == []
    tied = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}
    assert messages(pack, [secret(), *role("app", reads(SECRET)), *role("spy", reads(SECRET), tied)])


def test_attached_policies_count(pack: StartPack) -> None:
    shared = Planned("aws:iam/policy:Policy", {"name": "shared", "policy": document(reads(SECRET))}, "shared")
    arn = f"arn:aws:iam::{ACCOUNT}:policy/shared"
    attached = Planned("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "spy", "policyArn": arn}, "a")
    found = messages(pack, [secret(), *role("app", reads(SECRET)), *role("spy"), shared, attached])
    assert any("`spy` can read" in message for message in found)


def test_the_policy_of_a_secret_counts(pack: StartPack) -> None:
    def kept(who: str) -> Planned:
        return secret(policy=document({**reads("*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:{who}"}}))

    app = role("app", reads(SECRET))
    assert messages(pack, [kept("role/app"), *app]) == []
    for who in ("role/spy", "root", "user/app2"):
        assert any("own policy" in message for message in messages(pack, [kept(who), *app])), who


def test_a_secret_that_is_not_listed_is_reported(pack: StartPack) -> None:
    app = role("app", reads(SECRET))
    assert any("isn't on the list" in message for message in messages(pack, [secret(), secret("prod/new/one"), *app]))
    assert any("isn't known" in message for message in messages(pack, [secret(UNKNOWN), *app]))
    assert messages(pack, [*app, *role("spy", reads(OTHER))])


def test_a_missing_list_is_one_finding(pack: StartPack) -> None:
    [message] = messages(pack, [secret(), *role("app", reads(SECRET))], readers={})
    assert "python -m generators.expected_readers" in message
    assert messages(pack, role("app", reads(SECRET)), readers={}) == []


@pytest.mark.parametrize("readers", [{"prod/db admin": ["app"]}, {SECRET: "app"}, {"prod/db/admin": [1]}])
def test_a_malformed_list_is_reported(pack: StartPack, readers: Json) -> None:
    assert any("can't be used" in message for message in messages(pack, [secret()], readers=readers))


@pytest.mark.parametrize("name", ["prod/db/admin", SECRET])
def test_a_secret_name_means_the_stacks_own_account_and_region(pack: StartPack, name: str) -> None:
    def found(resource: str) -> list[str]:
        return messages(pack, [secret(), *role("app", reads(resource))], readers={name: ["app"]})

    assert found(SECRET) == []
    for own, other in (ACCOUNT, "999988887777"), ("eu-central-1", "eu-west-1"), ("arn:aws:", "arn:aws-cn:"):
        assert any("which isn't a secret on the list" in message for message in found(SECRET.replace(own, other))), (
            other
        )


def test_secret_names_without_an_account_are_reported() -> None:
    (rule,) = (rule for rule in RULES if rule.id == "secret-readers")
    made = [Resource("aws:secretsmanager/secret:Secret", "urn", "it", {"name": "prod/db/admin"})]
    region = {"aws:region": "eu-central-1"}
    for settings in (
        {},
        region,
        {"aws:allowedAccountIds": f'["{ACCOUNT}"]'},
        *({**region, "aws:allowedAccountIds": text} for text in MALFORMED),
    ):
        judge = Judge(rule, {"readers": {"prod/db/admin": []}})
        [finding] = judge.violations(Stack(made), Judgement("p", "prod", {}, settings=settings))
        assert "`aws:allowedAccountIds` must be one account" in finding.message


def test_a_list_for_another_stack_is_one_finding(pack: StartPack) -> None:
    made = [secret(), secret("prod/api/key"), *role("app", reads(SECRET), reads(OTHER))]
    [message] = messages(pack, made, readers={"dev/db/admin": ["app"], "dev/api/key": ["app"]})
    assert "`policies/config/least_privilege.prod.json`, which says who may read which secret" in message
    assert "the stack creates 2, and the file names others, such as `dev/api/key`" in message
    assert "python -m generators.expected_readers" in message


@pytest.mark.parametrize(
    ("action", "resource", "is_reader"),
    [
        ("ssm:GetParameter", PARAMETER, True),
        ("ssm:GetParameterHistory", PARAMETER, True),
        ("ssm:GetParameters", "arn:aws:ssm:*:*:parameter/prod/*", True),
        ("ssm:GetParametersByPath", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/prod", True),
        ("ssm:GetParametersByPath", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/prod/app/", True),
        ("ssm:GetParametersByPath", f"arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/dev", False),
        ("ssm:DescribeParameters", "*", False),
    ],
)
def test_every_way_to_read_a_parameter_counts(pack: StartPack, action: str, resource: str, is_reader: bool) -> None:
    kept = Planned("aws:ssm/parameter:Parameter", {"name": "/prod/app/mode", "type": "String"}, "mode")
    resources = [kept, *role("app", reads(PARAMETER, "ssm:GetParameter")), *role("spy", reads(resource, action))]
    found = messages(pack, resources, "parameter-readers", {PARAMETER: ["app"]})
    assert any("`spy` can read the parameter `/prod/app/mode`" in message for message in found) == is_reader


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_the_lists_match_the_catalogue(stack: str) -> None:
    path, text = readers_file(owned(), stack)
    assert path.read_text(encoding="utf-8") == text, "run `python -m tests.owner`"
