"""Buckets that grants name. A bucket's ARN holds no account, so only the name shows whether it is this stack's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policies.inventory.companions import BUCKET
from policies.inventory.documents import listed
from policies.inventory.elsewhere import OWNERS
from policies.inventory.identity_policies import TYPES, allowing
from policies.inventory.roles import ROLE, policy_name
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Scope, Severity

_BUCKET_ARN: Final = re.compile(r"arn:[\w-]*:s3:::(?P<bucket>[^/]+)(/.*)?")


def _foreign(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    own = {resource.get("bucket") for resource in resources if resource.type == BUCKET}
    accepted = {name for name in own if isinstance(name, str)}.union(judgement.config["agreed"])
    boundaries = {policy_name(resource.get("permissionsBoundary")) for resource in resources if resource.type == ROLE}
    for resource in resources:
        if resource.type not in TYPES or resource.get("name") in boundaries:
            continue  # a boundary grants nothing
        for place, statement in allowing(resource.properties):
            for bucket in _buckets(statement.get("Resource")):
                if bucket not in accepted:
                    yield Finding(f"`{place}` names the bucket `{bucket}`, which isn't this stack's.", resource.urn)


def _buckets(resources: Json) -> Iterator[str]:
    for arn in listed(resources):
        if isinstance(arn, str) and (found := _BUCKET_ARN.fullmatch(arn)):
            yield found["bucket"]


RULES: Final = (
    Rule(
        id="foreign-bucket",
        title="Grants name only buckets of this stack, or buckets that its owners agreed to.",
        remedy=f"Name one of the stack's buckets in full, or have {OWNERS} add the bucket to `foreign-bucket`: "
        "`agreed`.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html",
        severity=Severity.HIGH,
        check=_foreign,
        by_agreement=True,
        scope=Scope.STACK,
        types=frozenset((*TYPES, BUCKET)),
        config={
            "agreed": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Names of buckets outside the stack that its grants may name",
                "default": [],
            }
        },
    ),
)
