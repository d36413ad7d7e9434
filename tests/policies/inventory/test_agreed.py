"""Roles' permissions and important values must be as their owners agreed; any change to them is reported."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from generators import provider_defaults
from policies.inventory.permissions import agreed_permissions
from policies.inventory.values import DEFAULTS, agreed_values
from tests.policies.analyzer import UNKNOWN, Json, StartPack
from tests.policies.inventory.test_inventory import messages_of

ROLE: Final = "aws:iam/role:Role"
INLINE: Final = "aws:iam/rolePolicy:RolePolicy"
MANAGED: Final = "aws:iam/policy:Policy"
READ: Final[dict[str, Json]] = {
    "Sid": "Read",
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:ListBucket"],
    "Resource": "arn:aws:s3:::prod-raw",
    "Condition": {"Bool": {"aws:SecureTransport": "true"}},
}
REFUSE: Final = {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}


def policy(*statements: Json, **more: Json) -> dict[str, Json]:
    return {"name": "data", "policy": json.dumps({"Statement": list(statements)}), **more}


def without(key: str) -> dict[str, Json]:
    return {name: value for name, value in READ.items() if name != key}


PERMISSIONS: Final[dict[str, Any]] = {
    "pinned-permission": {
        "policies": agreed_permissions(
            [
                (INLINE, policy(READ, REFUSE, role="app")),
                (MANAGED, policy(READ)),
                (MANAGED, policy(READ, name="most")),
                (ROLE, {"name": "app", "permissionsBoundary": "arn:aws:iam::123456789012:policy/most"}),
            ]
        )
    }
}


@pytest.mark.parametrize(
    ("type_", "properties", "said"),
    [
        (INLINE, policy(READ, REFUSE, role="app"), ""),
        (INLINE, policy(REFUSE, {**READ, "Sid": "Other", "Action": READ["Action"][::-1]}, role="app"), ""),
        (INLINE, policy(REFUSE, role="app"), ""),
        (INLINE, policy(READ, role="app"), "lacks a statement"),
        (INLINE, policy(READ, REFUSE, role="other"), "Nobody agreed to the policy `other/data`"),
        (INLINE, policy(READ, REFUSE, role="app", name="more"), "Nobody agreed to the policy `app/more`"),
        (INLINE, policy({**READ, "Action": "s3:*"}, REFUSE, role="app"), "isn't agreed: Allow `s3:*`"),
        (INLINE, policy({**READ, "Resource": "*"}, REFUSE, role="app"), "isn't agreed"),
        (INLINE, policy(without("Condition"), REFUSE, role="app"), "isn't agreed"),
        (INLINE, policy(READ, REFUSE, "?", role="app"), "isn't agreed"),
        (INLINE, {**policy(role="app"), "policy": UNKNOWN}, "isn't known at preview"),
        (INLINE, {**policy(READ), "role": UNKNOWN}, "Nobody agreed"),
        (MANAGED, policy(READ), ""),
        (MANAGED, policy(READ, REFUSE), "isn't agreed"),
        (MANAGED, policy(READ, name="other"), "Nobody agreed"),
        (MANAGED, policy({**READ, "Resource": "*"}, name="most"), ""),
        (ROLE, {"name": "app", "inlinePolicies": [policy(READ, REFUSE)]}, ""),
        (ROLE, {"name": "app", "inlinePolicies": [policy({**READ, "Action": "*"}, REFUSE)]}, "isn't agreed"),
        (ROLE, {"name": "app", "inlinePolicies": [policy(READ, name="most")]}, "Nobody agreed"),
    ],
)
def test_permissions_of_roles_must_be_as_agreed(
    pack: StartPack, type_: str, properties: dict[str, Json], said: str
) -> None:
    messages = messages_of(pack("inventory", config=PERMISSIONS).resource(type_, properties), "pinned-permission")
    assert [said in message for message in messages] == [True] * bool(said), messages


GROUP: Final = "aws:lb/targetGroup:TargetGroup"
CHECK: Final[dict[str, Json]] = {"interval": 15, "matcher": "200"}
VALUES: Final = {
    "pinned-value": {
        "values": agreed_values(
            [
                (GROUP, {"name": "one", "healthCheck": CHECK, "deregistrationDelay": 30}),
                (GROUP, {"name": "two", "healthCheck": CHECK}),
                ("aws:cloudwatch/logDelivery:LogDelivery", {"recordFields": ["date", "cookie"]}),
            ]
        )
    }
}


@pytest.mark.parametrize(
    ("type_", "properties", "said"),
    [
        (GROUP, {"healthCheck": CHECK}, ""),
        (GROUP, {"healthCheck": {**CHECK, "interval": 15.0}, "deregistrationDelay": 30}, ""),
        (GROUP, {"healthCheck": {**CHECK, "matcher": "200-499"}}, "`healthCheck.matcher` has a value"),
        (GROUP, {"healthCheck": {"interval": 15}}, "`healthCheck.matcher` is left out"),
        # The provider's defaults: the engine shows them as if the program had set them.
        (GROUP, {"healthCheck": {**CHECK, "port": "traffic-port"}, "slowStart": 0}, ""),
        (GROUP, {"healthCheck": CHECK, "slowStart": 30}, "`slowStart` has a value"),
        (GROUP, {"healthCheck": {**CHECK, "port": "9999"}}, "`healthCheck.port` has a value"),
        (GROUP, {"healthCheck": CHECK, "deregistrationDelay": True}, "`deregistrationDelay` has a value"),
        (GROUP, {"healthCheck": {**CHECK, "matcher": UNKNOWN}}, "`healthCheck.matcher` isn't known at preview"),
        ("aws:cloudwatch/logDelivery:LogDelivery", {"recordFields": ["date", "cookie"]}, ""),
        ("aws:cloudwatch/logDelivery:LogDelivery", {"recordFields": ["date"]}, "`recordFields` has a value"),
        ("aws:cloudwatch/logDelivery:LogDelivery", {}, "`recordFields` is left out"),
        ("aws:lb/loadBalancer:LoadBalancer", {"idleTimeout": 60}, "`idleTimeout` has a value"),
    ],
)
def test_important_values_must_be_as_agreed(
    pack: StartPack, type_: str, properties: dict[str, Json], said: str
) -> None:
    messages = messages_of(pack("inventory", config=VALUES).resource(type_, properties), "pinned-value")
    assert [said in message for message in messages] == [True] * bool(said), messages


def test_defaults_of_another_provider_release_are_not_assumed(pack: StartPack) -> None:
    given = {"healthCheck": {**CHECK, "unhealthyThreshold": 5}}
    assert messages_of(pack("inventory", config=VALUES).resource(GROUP, given), "pinned-value")
    more = {"pinned-value": {**VALUES["pinned-value"], "defaults": {GROUP: {"healthCheck.unhealthyThreshold": 5}}}}
    assert messages_of(pack("inventory", config=more).resource(GROUP, given), "pinned-value") == []


def test_the_recorded_defaults_match_the_providers_code() -> None:
    assert DEFAULTS.read_text() == provider_defaults.text(), "run `make docs`"


@pytest.mark.parametrize(
    ("addresses", "wide"),
    [
        (["104.16.0.0/13", "2a06:98c0::/29"], False),
        (["0.0.0.0/1"], True),
        (["::/1"], True),
        (["anywhere"], True),
        (UNKNOWN, True),
    ],
)
def test_wide_sets_of_addresses_are_refused(pack: StartPack, addresses: Json, wide: bool) -> None:
    found = pack("inventory").resource("aws:wafv2/ipSet:IpSet", {"addresses": addresses})
    assert bool(messages_of(found, "wide-address-set")) is wide


@pytest.mark.parametrize(("stack", "protect", "said"), [("prod", False, 1), ("prod", True, 0), ("dev", False, 0)])
def test_a_production_bucket_must_be_protected(pack: StartPack, stack: str, protect: bool, said: int) -> None:
    found = pack("inventory", stack).resource("aws:s3/bucket:Bucket", {"bucket": "prod-raw"}, protect=protect)
    assert len(messages_of(found, "unprotected-resource")) == said
