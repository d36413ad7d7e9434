"""Quotas of several resources together, and names that two resources share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.policies.acceptance.planted import resources
from tests.policies.analyzer import Judge, Planned, StartPack


@pytest.fixture(scope="module")
def judge(pack: StartPack) -> Judge:
    return pack("acceptance")


def several(type_: str, number: int, **inputs: Any) -> list[Planned]:  # noqa: ANN401 - any value of a property
    """Return this many resources of a type, which differ in the inputs that must be unique."""
    differs: dict[str, Callable[[int], dict[str, Any]]] = {
        LISTENER_RULE: lambda at: {"priority": at + 1},
        INGRESS: lambda at: {"fromPort": at + 1},
        ATTACHED: lambda at: {"policyArn": f"arn:aws:iam::123456789012:policy/prod-{at}"},
    }
    other = differs.get(type_)
    return [
        Planned(type_, {**resources()[type_], **inputs, **(other(at) if other else {})}, f"it{at}")
        for at in range(number)
    ]


INLINE = "aws:iam/rolePolicy:RolePolicy"
ATTACHED = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
LISTENER_RULE = "aws:lb/listenerRule:ListenerRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.mark.parametrize(
    ("type_", "most", "inputs", "told"),
    [
        (INLINE, 86, {}, "together they can have 10,240"),
        (ATTACHED, 10, {}, "it can have 10 ("),
        (LISTENER_RULE, 100, {}, "it can have 100 ("),
        (INGRESS, 1, {}, "count as 110"),
        (INGRESS, 60, {"prefixListId": None, "cidrIpv4": "192.0.2.0/24"}, "count as 61"),
    ],
)
def test_quotas_of_several_resources_are_enforced(
    judge: Judge, type_: str, most: int, inputs: dict[str, Any], told: str
) -> None:
    assert judge.stack_of(several(type_, most, **inputs)) == []
    (violation,) = judge.stack_of(several(type_, most + 1, **inputs))
    assert violation.rule == "over-quota-together"
    assert told in violation.message


def test_a_priority_or_alias_used_twice_is_reported(judge: Judge) -> None:
    rules = [Planned(LISTENER_RULE, resources()[LISTENER_RULE], name) for name in ("a", "b")]
    assert [one.rule for one in judge.stack_of(rules)] == ["over-quota-together"]
    distribution = "aws:cloudfront/distribution:Distribution"
    assert judge.stack_of([Planned(distribution, resources()[distribution], name) for name in ("a", "b")])


def test_a_raised_quota_can_be_configured(pack: StartPack) -> None:
    raised = pack("acceptance", config={"over-quota-together": {"prefixListWeights": {"pl-a3a144ca": 5}}})
    assert raised.stack_of(several(INGRESS, 12)) == []
    assert raised.stack_of(several(INGRESS, 13))
