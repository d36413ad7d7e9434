"""Which resources an action may be allowed on, type by type, for every writing action of every service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pytest

from policies.least_privilege import knowledge
from policies.least_privilege.faults.documents import document_faults
from policies.least_privilege.knowledge import ResourceType, Service
from policies.least_privilege.language.documents import Kind

ACCOUNT: Final = "123456789012"

AS_NARROW_AS_POSSIBLE: Final = {
    "AWS chooses the ids, and no tag selects them": """
        cloudfront:DeleteCachePolicy cloudfront:DeleteOriginRequestPolicy cloudfront:DeleteResponseHeadersPolicy
        cloudfront:UpdateCachePolicy cloudfront:UpdateOriginRequestPolicy cloudfront:UpdateResponseHeadersPolicy
        ec2:CreateFlowLogs logs:CreateDelivery logs:DeleteDelivery
    """,
    "the call creates what it's allowed on, and that alone gives nobody anything": """
        ecs:RegisterTaskDefinition iam:CreateVirtualMFADevice logs:CreateLogGroup
    """,
    "every agent says this of itself": "ssm:UpdateInstanceAssociationStatus",
}
"""Why a writing action may be allowed on all resources of the types that it requires -> the actions."""


def writing() -> Iterator[tuple[Service, str, int]]:
    for prefix in knowledge.prefixes():
        service = knowledge.service(prefix)
        assert service
        writes = service.levels["Write"] | service.levels["Permissions management"]
        for bit, name in enumerate(service.names):
            if writes >> bit & 1:
                yield service, f"{prefix}:{name}", 1 << bit


def all_of(kind: ResourceType) -> str:
    """The pattern for all resources of a type in one region and account."""
    _, _, service, region, account, name = kind.parts
    region, account = region and "eu-central-1", ACCOUNT if account == "?*" else account
    return f"arn:aws:{service}:{region}:{account}:{name.replace('?*', '*')}"


def is_bounded(action: str, on: list[str]) -> bool:
    statement = {"Effect": "Allow", "Action": action, "Resource": on}
    return not document_faults(json.dumps({"Version": "2012-10-17", "Statement": statement}), Kind.IDENTITY)


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.nightly)], ids=["every fifth", "all"])
def test_a_write_on_all_resources_of_its_types_is_reported(step: int) -> None:
    """This holds even where an action has optional resource types, which a request may leave out."""
    known = {action for actions in AS_NARROW_AS_POSSIBLE.values() for action in actions.split()}
    bounded = set()
    count = 0
    for service, action, bit in writing():
        required = [kind for kind in service.types if kind.required & bit]
        if any(kind.can_be_narrowed for kind in required):
            count += 1
            if (action in known or count % step == 0) and is_bounded(action, [all_of(kind) for kind in required]):
                bounded.add(action)
    assert count > 7500
    assert bounded == known
