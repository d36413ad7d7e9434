"""What CI is allowed to do on the state's bucket and key: the engine's calls there, and nothing more.

A third-party IAM evaluator decides. The calls are listed from the engine's source and checked against the
real CLI (tests/engine/test_state_calls.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from components.circleci_access import ci_roles, shared_statements
from components.iam_documents import identity_policy
from components.settings import Settings
from generators import ci_calls
from generators.ci_calls import STATE, Request
from generators.state_calls import OPERATIONS, calls, requests
from operations.state_store import key_policy
from policies.least_privilege import knowledge
from policies.least_privilege.access.holders import Holder
from policies.least_privilege.access.requests import may
from stackfiles import project
from tests.agreeing import agree
from tests.iam_evaluator import answers, missing
from tests.owner import FILES, owned
from tests.planning import NAME, Plan, copy_project, plan_only, rehearse

STACKS: Final = project.stacks(FILES)
LONGEST_BOUNDARY: Final = 6144
LONGEST_INLINE: Final = 10_240
"""Limit of a role's inline policies in characters
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""


def state_of(stack: str) -> Settings:
    return ci_calls.settings(owned(), stack, STATE)


Asked = tuple[str, str, Request]
"""Stack, role and the request that it makes."""


def asked(found: Iterable[Asked]) -> list[bool | str]:
    """IAM's answer to each request, by the role's policies, its boundary and the key's policy."""
    if reason := missing():
        pytest.skip(f"the evaluator of IAM can't run: {reason}")
    permissions = {stack: ci_calls.permissions(owned(), stack, STATE) for stack in STACKS}
    opened = {stack: key_policy(ci_calls.names(owned(), stack, STATE)) for stack in STACKS}
    accounts = {stack: state_of(stack).account for stack in STACKS}
    questions: list[dict[str, Any]] = []
    for stack, role, request in found:
        allowed = permissions[stack][role]
        questions.append(
            {
                "policy": json.loads(allowed.policy),
                "boundary": json.loads(allowed.boundary),
                "action": request.action,
                "resource": request.resource.replace("*", "0"),
                "context": dict(request.context),
                "account": accounts[stack],
                **({"resourcePolicy": opened[stack]} if request.action.startswith("kms:") else {}),
            }
        )
    return answers(questions)


def data_keys(stack: str) -> Iterator[Asked]:
    """Yield requests for a data key that no object of the state needs."""
    key = str(state_of(stack).state_key_arn)
    for context in ({}, {"kms:ViaService": "s3.us-west-2.amazonaws.com"}):
        yield stack, "ci-deploy", Request([], STATE, "kms:GenerateDataKey", key, context, [])


def test_each_call_on_the_state_is_allowed_for_its_role_and_data_keys_only_for_s3() -> None:
    made = [
        (stack, role, request) for stack in STACKS for request in requests(owned(), stack) for role in request.roles
    ]
    unneeded = [request for stack in STACKS for request in data_keys(stack)]
    wrong = [
        f"{stack}: {role}: {request.action} on {request.resource} {request.context or ''}: {answer}"
        for number, ((stack, role, request), answer) in enumerate(
            zip([*made, *unneeded], asked([*made, *unneeded]), strict=True)
        )
        if answer is not (number < len(made))
    ]
    assert wrong == []


def elsewhere(stack: str) -> dict[str, str]:
    """Description -> a resource on bucket and key: the stack's own, those of other stacks, and others."""
    settings = state_of(stack)
    bucket = ci_calls.names(owned(), stack, STATE).bucket_arn(str(settings.state_bucket))
    return {
        "the bucket": bucket,
        "the state": f"{bucket}/.pulumi/stacks/{NAME}/{stack}.json",
        "the backup": f"{bucket}/.pulumi/stacks/{NAME}/{stack}.json.bak",
        "the tags": f"{bucket}/.pulumi/stacks/{NAME}/{stack}.pulumi-tags",
        "the metadata": f"{bucket}/.pulumi/meta.yaml",
        "a lock": f"{bucket}/.pulumi/locks/organization/{NAME}/{stack}/0.json",
        "the history": f"{bucket}/.pulumi/history/{NAME}/{stack}/{stack}-0.history.json",
        "a backup of before": f"{bucket}/.pulumi/backups/{NAME}/{stack}/{stack}.0.json",
        "another stack's state": f"{bucket}/.pulumi/stacks/{NAME}/{stack}2.json",
        "another stack's lock": f"{bucket}/.pulumi/locks/organization/{NAME}/{stack}2/0.json",
        "another project's state": f"{bucket}/.pulumi/stacks/another/{stack}.json",
        "another object": f"{bucket}/another",
        "the key": str(settings.state_key_arn),
        "another key": str(settings.state_key_arn).replace("key/0", "key/1"),
    }


LOOKED_AT: Final = {"the state", "the backup", "the tags", "the metadata"}
WRITTEN: Final = {"the state", "the backup", "a lock", "the history", "a backup of before"}
EXPECTED: Final[Mapping[str, Mapping[str, set[str]]]] = {
    "ci-preview": {"s3:ListBucket": {"the bucket"}, "s3:GetObject": LOOKED_AT, "kms:Decrypt": {"the key"}},
    "ci-deploy": {
        "s3:ListBucket": {"the bucket"},
        "s3:GetObject": {*LOOKED_AT, "a lock"},
        "s3:PutObject": WRITTEN,
        "s3:DeleteObject": {"a lock"},
        "kms:Decrypt": {"the key"},
        "kms:GenerateDataKey": {"the key"},
    },
    "ci-deployer-trigger": {},
}
"""Role -> action -> the resources that it is allowed on. Everything else is refused."""


def every_action() -> list[str]:
    """Every action of S3 and KMS in the pack's index."""
    services = [found for prefix in ("s3", "kms") if (found := knowledge.service(prefix))]
    return [action for one in services for action in one.listed(one.everything)]


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("role", EXPECTED)
def test_nothing_more_is_allowed_on_bucket_and_key_by_the_packs_own_reading(role: str, stack: str) -> None:
    """Every action on every kind of object: the evaluator would take too long for so many."""
    allowed = ci_calls.permissions(owned(), stack, STATE)[role]
    holder = Holder(role)
    holder.add(allowed.policy)
    holder.bound(allowed.boundary)
    found: dict[str, set[str]] = {}
    for action in (action for action in every_action() if may(holder, action.lower(), "*")):
        for what, resource in elsewhere(stack).items():
            if may(holder, action.lower(), resource):
                found.setdefault(action, set()).add(what)
    assert found == EXPECTED[role]


def test_nothing_more_is_allowed_on_bucket_and_key_by_the_evaluator() -> None:
    """Each action of S3 and KMS on the bucket, the state or the key; each action granted anywhere, on all of them."""
    stack, where = "prod", elsewhere("prod")
    through_s3 = {"kms:ViaService": ci_calls.names(owned(), stack, STATE).service_endpoint("s3")}
    granted = {action for actions in EXPECTED.values() for action in actions}
    found = []
    for action in every_action():
        service, mask = knowledge.lookup(action.lower())
        assert service is not None
        takes = {kind.name for kind in service.types if kind.actions & mask}
        kinds = {"key": ["the key"], "bucket": ["the bucket"], "object": ["the state"]}
        subjects = list(where) if action in granted else [what for kind in takes for what in kinds.get(kind, ())]
        for role in ("ci-preview", "ci-deploy"):
            for what in subjects:
                context = through_s3 if action.startswith("kms:") else {}
                found.append((what, role, Request([role], STATE, action, where[what], context, [])))
    wrong = [
        f"{role}: {request.action} on {what}: {answer}"
        for (what, role, request), answer in zip(
            found, asked([(stack, role, request) for _, role, request in found]), strict=True
        )
        if (answer is True) != (what in EXPECTED[role].get(request.action, ()))
    ]
    assert wrong == []
    assert len(found) > 400


@pytest.mark.parametrize("stack", STACKS)
def test_a_preview_reads_the_state_only_if_a_setting_allows_it(stack: str) -> None:
    settings = state_of(stack).model_copy(update={"preview_reads_state": False})
    names = ci_calls.names(owned(), stack, STATE)
    shared = shared_statements(names, settings)
    (preview,) = [role for role in ci_roles(names, settings) if role.reader == "ci-preview"]
    named = " ".join(resource for statement in preview.everything(shared) for resource in statement.resources)
    assert str(settings.state_bucket) not in named
    assert ":kms:" not in named


def test_the_documents_have_room_to_grow() -> None:
    """With the longest names that the settings allow, in the partition with the longest ARNs."""
    environment = "a234567890123456"
    for options in ("", "own-web-acl"):
        settings = ci_calls.settings(owned(), "prod", options)
        changes = {"partition": "aws-us-gov", "region": "us-gov-west-1"}
        settings = settings.model_copy(update=changes)
        names = settings.names("p" * 20, environment)
        key = names.key_arn(f"mrk-{'0' * 32}")
        settings = settings.model_copy(
            update={"state_bucket": "b" * 63, "state_key_arn": key, "preview_reads_state": True}
        )
        for allowed in ci_calls.roles_permissions(settings, names).values():
            assert len("".join(allowed.boundary.split())) < LONGEST_BOUNDARY * 0.95
            assert len("".join(identity_policy(allowed.own).split())) < LONGEST_INLINE * 0.85


def judged(folder: Path, stack: str, *, agreed: bool) -> Plan:
    """The plan of a stack with the state's settings, with or without the owners' agreement."""
    copy, settings = copy_project(folder), state_of(stack)
    with (copy / f"Pulumi.{stack}.yaml").open("a") as file:
        file.write(f"  stateBucket: {settings.state_bucket}\n  stateKeyArn: {settings.state_key_arn}\n")
        file.write("  previewReadsState: true\n")
    output = folder / "plan.json"
    if agreed:
        plan_only(stack, copy, output)
        agree(copy, stack, output)
    return rehearse(stack, copy, output)


@pytest.mark.parametrize(
    "stack", [pytest.param(stack, marks=() if stack == "prod" else pytest.mark.nightly) for stack in STACKS]
)
def test_the_packs_find_no_violation(tmp_path: Path, stack: str) -> None:
    plan = judged(tmp_path, stack, agreed=True)
    assert plan.exit_code == 0, plan.printed
    assert plan.violations == []


def test_state_settings_need_an_agreement(tmp_path: Path) -> None:
    plan = judged(tmp_path, "prod", agreed=False)
    assert plan.exit_code == 1
    assert plan.rules == {"inventory/foreign-bucket", "inventory/pinned-permission", "inventory/pinned-state"}


def test_every_listed_operation_belongs_to_a_role() -> None:
    named = {operation for call in calls() for operation in call.by}
    assert named == {operation for operations in OPERATIONS.values() for operation in operations}
