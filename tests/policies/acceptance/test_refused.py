"""How values are read: unknowns, secrets, kinds, types that the index doesn't have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policies.acceptance.planted import resources
from tests.policies.analyzer import UNKNOWN, Json, Judge, StartPack, secret

ROLE = "aws:iam/role:Role"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
TARGETS = "aws:lb/targetGroup:TargetGroup"
RULE = "aws:lb/listenerRule:ListenerRule"


@pytest.fixture(scope="module")
def judge(pack: StartPack) -> Judge:
    return pack("acceptance")


def messages(judge: Judge, type_: str, **inputs: Json) -> list[str]:
    judged = judge.resource(type_, {**resources()[type_], **inputs})
    assert {one.rule for one in judged} <= {"refused-by-aws", "refused-by-cloudflare"}
    return [one.message for one in judged]


@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        (BALANCER, {"securityGroups": [UNKNOWN]}),
        (BALANCER, {"securityGroups": UNKNOWN}),
        (RULE, {"listenerArn": UNKNOWN}),
        ("aws:ssm/parameter:Parameter", {"insecureValue": UNKNOWN}),
        ("cloudflare:index/dnsRecord:DnsRecord", {"name": UNKNOWN, "content": UNKNOWN}),
    ],
)
def test_values_from_other_resources_may_be_unknown(judge: Judge, type_: str, inputs: dict[str, Any]) -> None:
    assert messages(judge, type_, **inputs) == []


@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        (ROLE, {"name": UNKNOWN}),
        (ROLE, {"description": UNKNOWN}),
        (ROLE, {"maxSessionDuration": UNKNOWN}),
        (TARGETS, {"protocol": UNKNOWN}),
        (TARGETS, {"healthCheck": UNKNOWN}),
        (BALANCER, {"idleTimeout": UNKNOWN}),
    ],
)
def test_no_other_value_may_be_unknown(judge: Judge, type_: str, inputs: dict[str, Any]) -> None:
    (message,) = messages(judge, type_, **inputs)
    assert "isn't known at preview" in message


@pytest.mark.parametrize(
    ("type_", "inputs", "told"),
    [
        (TARGETS, {"port": "seven"}, "`port` isn't a whole number"),
        (TARGETS, {"port": 7007.5}, "`port` isn't a whole number"),
        (TARGETS, {"port": True}, "`port` isn't a whole number"),
        (TARGETS, {"healthCheck": ["x"]}, "`healthCheck` isn't a mapping"),
        (BALANCER, {"subnets": "subnet-01b1b2c3d4e5f6078"}, "`subnets` isn't a list"),
        (BALANCER, {"internal": 3}, "`internal` isn't true or false"),
        (ROLE, {"name": ["x"]}, "`name` isn't a text"),
        (ROLE, {"tags": "x"}, "`tags` isn't a mapping"),
        (ROLE, {"tags": {"Owner": ["x"]}}, "`tags.Owner` isn't a text"),
    ],
)
def test_a_value_of_another_kind_is_a_violation(judge: Judge, type_: str, inputs: dict[str, Any], told: str) -> None:
    assert any(told in message for message in messages(judge, type_, **inputs))


def test_a_number_may_be_a_text(judge: Judge) -> None:
    assert messages(judge, TARGETS, port="7007") == []
    assert any("is above; accepted: 1 to 65535" in one for one in messages(judge, TARGETS, port="70070"))


def test_a_type_that_the_index_lacks_is_a_violation(judge: Judge) -> None:
    (violation,) = judge.resource("aws:iam/roles:Roles", {})
    assert "doesn't have the type aws:iam/roles:Roles" in violation.message


def test_other_resources_are_left_alone(judge: Judge) -> None:
    assert judge.resource("random:index/randomId:RandomId", {"byteLength": "no"}) == []
    assert judge.resource("guarded:edge:WayIn", {"name": ["x"]}) == []


def test_a_secret_is_judged_and_never_shown(judge: Judge) -> None:
    canary = "canary" * 300
    conditions = [{"httpHeader": {"httpHeaderName": "X-Origin-Verify", "values": [secret(canary)]}}]
    told = messages(judge, RULE, conditions=conditions)
    assert any("`conditions.0.httpHeader.values.0` is too long" in message for message in told)
    assert "canary" not in " ".join(told)
    told = messages(judge, ROLE, name=secret("a canary"), description="also \u2013 a canary")
    assert len(told) == 2
    assert "`name` a canary" not in " ".join(told)


def test_a_value_that_is_probably_secret_is_not_shown(judge: Judge) -> None:
    distribution = resources()["aws:cloudfront/distribution:Distribution"]
    origin = {**distribution["origins"][0], "customHeaders": [{"name": "X-Verify", "value": "canary" * 400}]}
    told = messages(judge, "aws:cloudfront/distribution:Distribution", origins=[origin])
    assert any("customHeaders.0.value" in message for message in told)
    assert "canary" not in " ".join(told)


@pytest.mark.parametrize("letter", ["é", "ж", "中"])
def test_letters_of_all_languages_are_letters(judge: Judge, letter: str) -> None:
    assert messages(judge, TARGETS, tags={"Owner": letter}) == []
    assert messages(judge, TARGETS, tags={"Owner": f"{letter}&"}) != []
    assert messages(judge, ROLE, name=letter) != []
