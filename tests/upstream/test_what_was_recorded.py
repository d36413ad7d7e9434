"""The project's records of upstream provider code match the scenarios that ran before.

With UPSTREAM_RECORD=write in the environment, these tests write the records instead.
"""

from __future__ import annotations

import json

import pytest

from generators import ci_calls
from rehearsal.engine import planned_inputs
from tests.planning import plan_of
from tests.upstream.called import lines
from tests.upstream.conftest import compare
from tests.upstream.deployment import Account, provider_code
from tests.upstream.terraform_types import type_of

pytestmark = [pytest.mark.engine, pytest.mark.upstream]

STACKS = ("prod", "dev")
ISSUER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


@pytest.fixture(scope="module")
def whole(account: Account) -> Account:
    """The account after all scenarios."""
    if {ran.stack for ran in account.runs} != set(STACKS):
        pytest.skip("the scenarios before this test didn't run")
    return account


def test_every_request_was_recognized(whole: Account) -> None:
    assert [call for call in whole.journal("api") if "unrecognized" in call] == []


def test_the_record_of_planned_answers_is_current(whole: Account) -> None:
    # The answers of a first `up` are the same each time; those of a later one depend on what exists by then.
    first = [ran for ran in whole.runs if ran.scenario.startswith("first up, gated")]
    observed = ((call["type"], call["answer"]) for ran in first for call in ran.provider if "answer" in call)
    document = {"source": provider_code(), "answers": planned_inputs.merged(observed)}
    compare(planned_inputs.RECORD, planned_inputs.source(planned_inputs.RECORD), json.dumps(document, indent=1) + "\n")


def test_stack_rules_see_the_same_of_every_resource_on_both_engines(whole: Account) -> None:
    # Resources that a violation adds aren't the program's.
    good = (ran for ran in whole.runs if "violation" not in ran.scenario)
    planned = [call for ran in good for call in ran.provider if "answer" in call]
    for stack in STACKS:
        wanted = {step.urn for step in plan_of(stack).steps if step.type.startswith("aws:")}
        missing = {type_of(urn) for urn in wanted - {call["urn"] for call in planned}}
        assert missing <= {ISSUER}  # development's is production's
    assert {call["urn"]: call["unexplained"] for call in planned if call["unexplained"]} == {}


def test_the_record_of_calls_is_current(whole: Account) -> None:
    written = lines(whole.runs, {stack: whole.settings(stack) for stack in STACKS})
    compare(ci_calls.RECORD, ci_calls.source(), written)
