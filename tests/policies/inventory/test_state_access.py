"""Only agreed roles may read and write the state and use its key; all others are stopped."""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.policies.analyzer import UNKNOWN, Json, Planned, StartPack

KEY: Final = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
BUCKET: Final = "arn:aws:s3:::the-state"
STATE: Final = f"{BUCKET}/.pulumi/stacks/project/prod.json"
AGREED: Final = {"bucket": "the-state", "key": KEY, "roles": {"writer": "writes", "reader": "reads"}}
READS: Final = (("s3:ListBucket", BUCKET), ("s3:GetObject", STATE), ("kms:Decrypt", KEY))
WRITES: Final = (("s3:PutObject", STATE), ("s3:DeleteObject", STATE), ("kms:GenerateDataKey", KEY))


def policy(role: Json, *grants: tuple[Json, Json], effect: str = "Allow") -> Planned:
    statements = [{"Effect": effect, "Action": action, "Resource": resource} for action, resource in grants]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return Planned("aws:iam/rolePolicy:RolePolicy", {"role": role, "name": "it", "policy": document}, "it")


def found(pack: StartPack, *resources: Planned, config: Json = AGREED) -> list[str]:
    judge = pack("inventory", config={"pinned-state": config} if isinstance(config, dict) else {})
    return [item.message for item in judge.stack_of(resources) if item.rule == "pinned-state"]


def test_agreed_roles_may_use_the_state_as_agreed(pack: StartPack) -> None:
    assert found(pack, policy("writer", *READS, *WRITES)) == []
    assert found(pack, policy("reader", *READS)) == []
    assert found(pack, policy("anybody", *READS, *WRITES, effect="Deny")) == []
    assert found(pack, policy("anybody", ("s3:GetObject", "arn:aws:s3:::the-state-of-others/.pulumi/x"))) == []


@pytest.mark.parametrize("role", ["reader", "anybody", UNKNOWN, None])
def test_no_other_role_may_write_the_state(pack: StartPack, role: Json) -> None:
    assert len(found(pack, policy(role, *WRITES))) == 3


@pytest.mark.parametrize("role", ["anybody", UNKNOWN, None])
def test_no_other_role_may_read_the_state(pack: StartPack, role: Json) -> None:
    assert len(found(pack, policy(role, *READS))) == 3


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:PutBucketPolicy", BUCKET),
        ("s3:GetObject", f"{BUCKET}/another"),
        ("s3:GetObject", f"{BUCKET}/*"),
        ("s3:DeleteObjectVersion", STATE),
        ("s3:Get*", STATE),
        ("S3:*", BUCKET),
        ("*", KEY),
        ("kms:*", KEY),
        ("KMS:Encrypt", KEY),
        ("kms:Decrypt", KEY.replace("key/0", "key/1")),
        ("kms:Decrypt", KEY.rpartition("/")[0] + "/*"),
        ("kms:Decrypt", "*"),
        (["s3:GetObject", "s3:PutObjectAcl"], [STATE]),
        (["s3:GetObject", 7], STATE),
    ],
)
def test_a_writer_may_do_nothing_else(pack: StartPack, action: Json, resource: Json) -> None:
    assert len(found(pack, policy("writer", (action, resource)))) == 1


def test_not_action_and_not_resource_are_reported(pack: StartPack) -> None:
    statements = [
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": KEY},
        {"Effect": "Allow", "Action": "kms:Decrypt", "NotResource": "arn:aws:s3:::x"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    inputs = {"role": "writer", "name": "it", "policy": document}
    assert len(found(pack, Planned("aws:iam/rolePolicy:RolePolicy", inputs, "it"))) == 2


def test_a_managed_policy_may_not_open_the_state_unless_it_is_a_boundary(pack: StartPack) -> None:
    document = policy("", *READS).properties["policy"]
    shared = Planned("aws:iam/policy:Policy", {"name": "shared", "policy": document}, "shared")
    assert len(found(pack, shared)) == 3
    role = {"name": "writer", "permissionsBoundary": "arn:aws:iam::123456789012:policy/shared"}
    assert found(pack, shared, Planned("aws:iam/role:Role", role, "writer")) == []


def test_inline_policies_of_a_role_count(pack: StartPack) -> None:
    inline = [{"name": "it", "policy": policy("", *WRITES).properties["policy"]}]
    roles = [Planned("aws:iam/role:Role", {"name": name, "inlinePolicies": inline}, name) for name in ("writer", "spy")]
    assert len(found(pack, *roles)) == 3


def test_access_without_an_agreement_is_reported_once(pack: StartPack) -> None:
    assert len(found(pack, policy("writer", *READS), config=None)) == 1
