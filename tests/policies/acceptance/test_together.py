"""Values that are refused together, and quotas of several resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.policies.acceptance.planted import changed, resources
from tests.policies.analyzer import Judge, Planned, StartPack

CASES: Final[list[dict[str, Any]]] = yaml.safe_load(Path(__file__).with_name("together.yaml").read_text())
RULES: Final = {"refused-together", "over-quota"}


@pytest.fixture(scope="module")
def judge(pack: StartPack) -> Judge:
    return pack("acceptance")


def test_every_case_is_stopped(judge: Judge) -> None:
    missed = []
    for case in CASES:
        judged = judge.resource(case["type"], changed(case["type"], case["set"]))
        if not any(case["told"] in one.message and one.rule in RULES for one in judged):
            missed.append((case["type"], case["set"], [one.message for one in judged]))
    assert missed == []


def several(type_: str, number: int, **inputs: Any) -> list[Planned]:  # noqa: ANN401 - any value of a property
    return [
        Planned(type_, {**resources()[type_], **inputs, "priority": at + 1}, f"it{at}")
        if "listenerRule" in type_
        else Planned(type_, {**resources()[type_], **inputs}, f"it{at}")
        for at in range(number)
    ]


INLINE = "aws:iam/rolePolicy:RolePolicy"
ATTACHED = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
LISTENER_RULE = "aws:lb/listenerRule:ListenerRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.mark.parametrize(
    ("type_", "most", "inputs", "told"),
    [
        (INLINE, 86, {}, "all together they have 10,240"),
        (ATTACHED, 10, {}, "it takes 10"),
        (LISTENER_RULE, 100, {}, "it takes 100"),
        (INGRESS, 1, {}, "count 110"),
        (INGRESS, 60, {"prefixListId": None, "cidrIpv4": "192.0.2.0/24"}, "count 61"),
    ],
)
def test_quotas_of_several_resources(judge: Judge, type_: str, most: int, inputs: dict[str, Any], told: str) -> None:
    assert judge.stack_of(several(type_, most, **inputs)) == []
    (violation,) = judge.stack_of(several(type_, most + 1, **inputs))
    assert violation.rule == "over-quota-together"
    assert told in violation.message


def test_a_listener_has_each_priority_once_and_a_name_one_distribution(judge: Judge) -> None:
    rules = [Planned(LISTENER_RULE, resources()[LISTENER_RULE], name) for name in ("a", "b")]
    assert [one.rule for one in judge.stack_of(rules)] == ["over-quota-together"]
    distribution = "aws:cloudfront/distribution:Distribution"
    assert judge.stack_of([Planned(distribution, resources()[distribution], name) for name in ("a", "b")])


def test_quotas_that_were_raised_are_configuration(pack: StartPack) -> None:
    raised = pack("acceptance", config={"over-quota-together": {"prefixListWeights": {"pl-a3a144ca": 5}}})
    assert raised.stack_of(several(INGRESS, 12)) == []
    assert raised.stack_of(several(INGRESS, 13))
