"""CI's role for workloads that a stack creates: the provider's calls are allowed, and nothing else.

A third-party IAM evaluator decides, as in tests/test_ci_calls.py. The calls are those that static analysis finds in the
provider's code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from components.catalogue import Reader
from components.circleci_access import shared_statements
from components.iam_documents import identity_policy
from corpus.families import read
from generators.ci_calls import STATE, names, permissions, roles_permissions, settings
from policies.inventory.agreement import pins
from policies.inventory.documents import listed
from stackfiles.project import load
from tests.iam_evaluator import missing, simulate
from tests.owner import owned, owned_here
from tests.planning import Plan
from tests.upstream import static_calls
from tests.upstream.terraform_types import terraform_name
from tests.workloads import LAB

TABLE: Final[Mapping[str, Any]] = read(Path(__file__).with_name("ci_calls.yaml"))
CI: Final = (Reader.CI_WORKLOADS, Reader.CI_PREVIEW)
ROLES: Final[Mapping[str, Sequence[str]]] = {
    "asked": (Reader.CI_WORKLOADS,),
    "read": CI,
    "foundation": (Reader.CI_PREVIEW,),
}
"""Section of the table -> the roles that make its calls."""


@dataclass(frozen=True)
class Row:
    """A row of the table."""

    calls: Sequence[str]
    resource: str
    tags: str = ""
    by: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    anywhere: bool = False

    def questions(self, environment: str) -> Iterator[dict[str, Any]]:
        """The questions to the evaluator about resources of an environment, without the policies."""
        here = owned_here()
        own = settings(here, LAB)
        filled = {
            "stack": environment,
            "region": own.region,
            "account": own.account,
            "project": load(here, LAB).name,
        }
        key = {"made": "aws:RequestTag", "own": "aws:ResourceTag"}.get(self.tags)
        tags = {f"{key}/Project": filled["project"], f"{key}/Environment": environment} if key else {}
        made_by = {"ec2:CreateAction": self.by} if self.by else {}
        given = {name: value.format(**filled) for name, value in self.context.items()}
        resource = self.resource if self.resource == "*" else f"arn:aws:{self.resource}"
        for call in self.calls:
            yield {
                "action": action(call),
                "resource": resource.format(**filled),
                "context": {**tags, **made_by, **given},
            }


OTHERWISE: Final = {
    "s3 GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3 PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
"""Call -> its action, if that has another name."""


def action(call: str) -> str:
    return OTHERWISE.get(call, call.replace(" ", ":"))


def rows(section: str) -> list[Row]:
    return [Row(**row) for row in TABLE[section]]


def asked(environment: str) -> list[tuple[str, dict[str, Any], bool]]:
    """Each role with each question from its runs about an environment, and whether any resource will do."""
    return [
        (str(role), question, row.anywhere)
        for section, roles in ROLES.items()
        for row in rows(section)
        for role in roles
        for question in row.questions(environment)
    ]


@cache
def answers() -> Mapping[str, Sequence[bool]]:
    """Environment -> IAM's answers about its resources."""
    if reason := missing():
        pytest.skip(f"the evaluator of IAM can't run: {reason}")
    allowed = permissions(owned_here(), LAB)
    environments = {environment: asked(environment) for environment in (LAB, "another")}
    found = iter(
        simulate(
            [
                {**question, "policy": json.loads(allowed[role].policy), "boundary": json.loads(allowed[role].boundary)}
                for questions in environments.values()
                for role, question, _ in questions
            ]
        )
    )
    return {environment: [next(found) for _ in questions] for environment, questions in environments.items()}


def test_each_call_is_allowed_on_the_stacks_own_resources() -> None:
    refused = [
        f"{role}: {question}"
        for (role, question, _), allowed in zip(asked(LAB), answers()[LAB], strict=True)
        if not allowed
    ]
    assert refused == []


def test_the_same_call_is_refused_on_resources_of_another_environment() -> None:
    let_through = [
        f"{role}: {question}"
        for (role, question, anywhere), allowed in zip(asked("another"), answers()["another"], strict=True)
        if allowed and not anywhere
    ]
    assert let_through == []


def test_only_roles_of_workloads_can_be_passed_and_only_to_ecs() -> None:
    if reason := missing():
        pytest.skip(f"the evaluator of IAM can't run: {reason}")
    allowed = permissions(owned_here(), LAB)[Reader.CI_WORKLOADS]
    named = names(owned_here(), LAB)
    requests = [
        (named.role_arn(named.resource("backstage", "task")), "lambda.amazonaws.com"),
        (named.role_arn(named.resource("backstage", "task")), "ec2.amazonaws.com"),
        (named.role_arn(named.resource(Reader.ORK_PROCESSOR)), "lambda.amazonaws.com"),
        (named.role_arn(named.resource(Reader.CI_DEPLOY)), "ecs-tasks.amazonaws.com"),
        (named.role_arn(named.resource(Reader.CI_WORKLOADS)), "ecs-tasks.amazonaws.com"),
    ]
    found = simulate(
        [
            {
                "policy": json.loads(allowed.policy),
                "boundary": json.loads(allowed.boundary),
                "action": "iam:PassRole",
                "resource": role,
                "context": {"iam:PassedToService": service},
            }
            for role, service in requests
        ]
    )
    assert found == [False] * len(requests)


def test_boundaries_allow_running_only_the_deployers_task() -> None:
    allowed, named = permissions(owned_here(), LAB), names(owned_here(), LAB)
    statements = [one for role in allowed.values() for one in json.loads(role.boundary)["Statement"]]
    (named_tasks,) = [
        one["Resource"]
        for one in statements
        if one["Effect"] == "Allow"
        and any(fnmatchcase("ecs:runtask", str(action).lower()) for action in listed(one["Action"]))
    ]
    deployer = named.task_definition_arn(named.resource("prefect-deployer"), "*")
    assert [arn for arn in named_tasks if ":task-definition/" in arn] == [deployer]


def granted(role: str) -> set[str]:
    """The actions of a role's statements."""
    return {action for statement in permissions(owned_here(), LAB)[role].statements for action in statement.actions}


def test_every_granted_action_is_needed_by_a_call() -> None:
    needed = {action(call) for section in ("asked", "read") for row in rows(section) for call in row.calls}
    assert granted(Reader.CI_WORKLOADS) - needed == set()
    withheld = {action(call) for row in TABLE["withheld"] for call in row["calls"]}
    for role in CI:
        assert granted(role) & withheld == set(), role


def test_each_call_in_the_providers_code_is_in_the_table() -> None:
    found = set(static_calls.calls(static_calls.WORKLOADS))
    placed = {call for section in ROLES for row in rows(section) for call in row.calls}
    placed |= {call for row in TABLE["withheld"] for call in row["calls"]}
    patterns = [pattern for row in TABLE["unreached"] for pattern in row["calls"]]
    unplaced = {call for call in found - placed if not any(fnmatchcase(call, pattern) for pattern in patterns)}
    assert sorted(unplaced) == []
    stale = [pattern for pattern in patterns if not any(fnmatchcase(call, pattern) for call in found - placed)]
    assert stale == []


def test_the_analysis_covers_exactly_the_types_that_only_this_stack_has(lab: Plan) -> None:
    types = {terraform_name(step.type) for step in lab.steps if step.type.startswith("aws:")}
    everywhere = set(static_calls.types(static_calls.RECORD))
    assert set(static_calls.types(static_calls.WORKLOADS)) == types - everywhere


def test_both_roles_have_the_same_trust_policy(lab: Plan) -> None:
    trusts = {role["name"]: role["assumeRolePolicy"] for role in lab.inputs("aws:iam/role:Role")}
    assert trusts[f"{LAB}-ci-workloads"] == trusts[f"{LAB}-ci-deploy"]


def test_its_access_to_the_state_is_part_of_the_agreement() -> None:
    given, stack = pins.settings_of(owned_here(), LAB)
    wanted = pins.pinned({**given, "stateBucket": "a-state", "stateKeyArn": "a-key"}, stack)
    assert wanted["pinned-state"]["roles"] == {f"{LAB}-ci-deploy": "writes", f"{LAB}-ci-workloads": "writes"}


def test_other_stacks_have_no_such_role() -> None:
    assert Reader.CI_WORKLOADS not in permissions(owned(), "prod")


ROOM: Final = 0.85
LONGEST: Final = "staging-pacific1"


def test_the_documents_have_room_to_grow() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (white space doesn't count)."""
    own = names(owned_here(), LAB, STATE)
    longest = replace(own, environment=LONGEST, region="ap-southeast-2")
    named = {"cluster": longest.resource("services"), "ork_function": longest.resource("ork-processor")}
    chosen = settings(owned_here(), LAB, STATE).model_copy(update=named)
    shared = shared_statements(longest, chosen)
    managed = {
        **{f"{role}: boundary": one.boundary for role, one in roles_permissions(chosen, longest).items()},
        **{policy: identity_policy(statements) for policy, statements in shared.items()},
    }
    inline = {role: identity_policy(one.own) for role, one in roles_permissions(chosen, longest).items()}
    taken = {
        **{name: size(text) / 6_144 for name, text in managed.items()},
        **{role: size(text) / 10_240 for role, text in inline.items()},
    }
    assert {document: share for document, share in taken.items() if share > ROOM} == {}


def size(document: str) -> int:
    return len("".join(document.split()))
