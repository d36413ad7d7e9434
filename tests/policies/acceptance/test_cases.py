"""Each case is stopped and its neighbour passes; every rule of another tool is accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import pytest

from tests.policies.acceptance.cases import cases, counterparts, left_out
from tests.policies.analyzer import Judge, Planned, StartPack, Violation


@pytest.fixture(scope="module")
def judge(pack: StartPack) -> Judge:
    return pack("acceptance")


def found(judge: Judge, type_: str, stack: Iterable[Mapping[str, Any]]) -> list[Violation]:
    resources = [Planned(type_, inputs, f"it{number}") for number, inputs in enumerate(stack)]
    if len(resources) > 1:
        return judge.stack_of(resources)
    return judge.resource(type_, resources[0].properties)


def test_every_case_is_stopped_and_says_why(judge: Judge) -> None:
    missed = {}
    for case in cases():
        violations = found(judge, case.type, case.bad)
        if not any(case.told in one.message and one.level == "mandatory" for one in violations):
            missed[str(case)] = [one.message for one in violations]
    assert missed == {}


def test_every_neighbour_passes(judge: Judge) -> None:
    stopped = {str(case): found(judge, case.type, case.good) for case in cases()}
    assert {name: [one.message for one in violations] for name, violations in stopped.items() if violations} == {}


def test_every_rule_of_the_other_tool_is_accounted_for_once() -> None:
    """376 rules of cdk-preflight 1.9.1 are about types that the program or one of its options creates."""
    rules = Counter([*counterparts(), *chain.from_iterable(left_out().values())])
    assert [rule for rule, times in rules.items() if times > 1] == []
    assert len(rules) == 376
    assert len(counterparts()) >= 230
