"""Companions: resources that another resource needs beside it, because they close what it leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Final

from policies.inventory.documents import listed, statements
from policies.inventory.properties import is_called
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Scope, Severity

BUCKET: Final = "aws:s3/bucket:Bucket"
_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
_QUEUE_POLICY: Final = "aws:sqs/queuePolicy:QueuePolicy"

COMPANIONS: Final[Mapping[str, Mapping[str, str]]] = {
    BUCKET: {
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "bucket",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "bucket",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "bucket",
        "aws:s3/bucketVersioning:BucketVersioning": "bucket",
        _POLICY: "bucket",
    }
}
"""Type -> type of its companion -> the companion's property that names the resource."""


def _alone(resources: Sequence[Resource], _: Judgement) -> Iterator[Finding]:
    for type_, companions in COMPANIONS.items():
        for resource in resources:
            if resource.type != type_:
                continue
            for companion, path in companions.items():
                beside = (other for other in resources if other.type == companion)
                if not any(is_called(resource, other, path) for other in beside):
                    yield Finding(f"It has no `{companion}` whose `{path}` names it.", resource.urn)


def _without_tls(policy: Resource, _: Judgement) -> Iterator[Finding]:
    bucket = policy.get("bucket")
    objects = {bucket, f"{bucket}/*"} if isinstance(bucket, str) else None
    if not any(_refuses_plain(statement, "s3:*", objects) for statement in statements(policy.get("policy"))):
        yield Finding("No statement of `policy` denies everybody all actions if `aws:SecureTransport` is false.")


def _queue_without_tls(policy: Resource, _: Judgement) -> Iterator[Finding]:
    read = statements(policy.get("policy"))
    # The queue's URL is unknown until it exists; a queue's policy can only be about the queue itself.
    queues = {name for statement in read for name in _named(statement)}
    if not queues or not any(_refuses_plain(statement, "sqs:*", queues) for statement in read):
        yield Finding("No statement of `policy` denies everybody all actions if `aws:SecureTransport` is false.")


def _refuses_plain(statement: Json, actions: str, resources: Set[str] | None) -> bool:
    """Tell whether a statement refuses plain HTTP for all actions of a service on some resources."""
    if not isinstance(statement, Mapping) or statement.get("Effect") != "Deny" or not resources:
        return False
    if not resources <= _named(statement):
        return False
    everybody = statement.get("Principal") in ("*", {"AWS": "*"}) and listed(statement.get("Action")) in (
        [actions],
        ["*"],
    )
    condition = statement.get("Condition")
    plain = condition.get("Bool") if isinstance(condition, Mapping) and len(condition) == 1 else None
    return everybody and plain in ({"aws:SecureTransport": "false"}, {"aws:SecureTransport": ["false"]})


def _named(statement: Json) -> set[str]:
    """Return the last parts of the ARNs of a statement's resources, which are their names."""
    resources = listed(statement.get("Resource")) if isinstance(statement, Mapping) else []
    return {arn.rpartition(":")[2] for arn in resources if isinstance(arn, str)}


RULES: Final = (
    Rule(
        id="missing-companion",
        title="A bucket has the companion resources that keep it closed, encrypted and versioned.",
        remedy="Add the missing resource; `components/private_bucket.py` creates them all.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        severity=Severity.HIGH,
        check=_alone,
        scope=Scope.STACK,
        types=frozenset({*COMPANIONS, *(type_ for companions in COMPANIONS.values() for type_ in companions)}),
    ),
    Rule(
        id="bucket-without-tls",
        title="A bucket can be reached only over TLS.",
        remedy='Deny `s3:*` to `*` on the bucket and its objects with `{"Bool": {"aws:SecureTransport": "false"}}`.',
        source="https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html#s3-5",
        severity=Severity.HIGH,
        check=_without_tls,
        types=frozenset((_POLICY,)),
    ),
    Rule(
        id="queue-without-tls",
        title="A queue that others send to can be reached only over TLS.",
        remedy='Deny `sqs:*` to `*` on the queue with `{"Bool": {"aws:SecureTransport": "false"}}`.',
        source="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
        "sqs-security-best-practices.html",
        severity=Severity.MEDIUM,
        check=_queue_without_tls,
        types=frozenset((_QUEUE_POLICY,)),
    ),
)
