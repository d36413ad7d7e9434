"""CI's roles against the provider's calls: each call is allowed or left to a person, and each grant is explained.

A third-party IAM evaluator decides. For the few actions whose resource types it doesn't know, the pack's own reading
decides. The calls were recorded from upstream provider code (tests/upstream).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from generators import state_calls
from generators.ci_calls import OPTIONS, Request, filled, permissions, record, uncalled, withheld
from policies.least_privilege.access.holders import Holder
from policies.least_privilege.access.requests import can
from stackfiles import project
from tests.iam_evaluator import answers, missing
from tests.owner import FILES, owned, owned_with
from tests.session import shared
from tests.workloads import CALLS, LAB

STACKS = (*project.stacks(FILES), LAB)
EACH = pytest.mark.parametrize(
    "stack", [pytest.param(stack, marks=pytest.mark.nightly if stack == "dev" else ()) for stack in STACKS]
)
"""Each change checks all stacks but dev, whose roles make prod's calls under other names."""


def questions(stack: str) -> Iterator[tuple[str, Request]]:
    """Each role with each request that its runs raise, from the record for a stack."""
    for request in record(CALLS) if stack == LAB else record():
        for role in request.roles:
            yield role, request


@cache
def verdicts(stack: str) -> list[tuple[str, Request, bool]]:
    """Whether each role is allowed what its runs ask for, within its boundary."""
    if reason := missing():
        pytest.skip(f"the evaluator of IAM can't run: {reason}")
    asked = list(questions(stack))

    def make() -> str:
        return json.dumps(answers([question(stack, role, request) for role, request in asked]))

    found: list[bool | str] = json.loads(shared(f"IAM's answers to the calls of {stack}", make))
    return [
        (role, request, own_reading(stack, role, request) if isinstance(answer, str) else answer)
        for (role, request), answer in zip(asked, found, strict=True)
    ]


NO_DATA = {"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags", "logs:DeleteDeliverySource"}
"""Actions whose resource types the evaluator doesn't know, or knows for classic load balancers only."""


def own_reading(stack: str, role: str, request: Request) -> bool:
    assert request.action in NO_DATA, f"the evaluator can't say: {request}"
    allowed = permissions(owned_with(stack), stack, request.options)[role]
    holder = Holder(role)
    holder.add(allowed.policy)
    holder.bound(allowed.boundary)
    return can(holder, request.action.lower(), filled(request.resource, owned_with(stack), stack, request.options))


def question(stack: str, role: str, request: Request) -> dict[str, Any]:
    place = (owned_with(stack), stack, request.options)
    allowed = permissions(*place)[role]
    return {
        "policy": json.loads(allowed.policy),
        "boundary": json.loads(allowed.boundary),
        "action": request.action,
        "resource": filled(request.resource, *place),
        "context": {key: filled(value, *place) for key, value in request.context.items()},
    }


@EACH
def test_each_call_is_allowed_for_its_role_or_left_to_a_person(stack: str) -> None:
    refused = {
        f"{role}: {request.action} on {request.resource} {request.context or ''}"
        for role, request, allowed in verdicts(stack)
        if not allowed and not any(row.covers(role, request) for row in withheld())
    }
    assert sorted(refused) == []


@EACH
def test_ci_is_refused_calls_that_are_left_to_a_person(stack: str) -> None:
    allowed = {
        f"{role}: {request.action} on {request.resource}"
        for role, request, allowed in verdicts(stack)
        if allowed and any(row.covers(role, request) for row in withheld())
    }
    assert sorted(allowed) == []


def test_each_permission_left_to_a_person_is_needed_by_a_call() -> None:
    asked = [asked for stack in STACKS for asked in questions(stack)]
    unused = [row for row in withheld() if not any(row.covers(role, request) for role, request in asked)]
    assert unused == []


@pytest.mark.parametrize("role", ["ci-preview", "ci-deploy"])
def test_each_grant_is_used_by_a_scenario_or_explained(role: str) -> None:
    granted = {
        action
        for options in OPTIONS
        for statement in permissions(owned(), "prod", options)[role].statements
        for action in statement.actions
    }
    called = {
        request.action for request in (*record(), *state_calls.requests(owned(), "prod")) if role in request.roles
    }
    explained = set(uncalled()[role])
    assert granted - called - explained == set()
    assert explained - granted == set()
    assert explained & called == set()
