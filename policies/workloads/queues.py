"""Queues. Who may use one stands in its policy, which the pack least-privilege judges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity
from policies.workloads.kinds import QUEUE

RULES: Final = Rules()


@RULES.resource(
    "unencrypted-queue",
    title="Queues encrypt their messages.",
    remedy="Set `sqsManagedSseEnabled` to true, or name a key of this account in `kmsMasterKeyId`.",
    source="https://docs.aws.amazon.com/securityhub/latest/userguide/sqs-controls.html#sqs-1",
    severity=Severity.MEDIUM,
    types=QUEUE,
)
def _unencrypted(queue: Resource, _: Judgement) -> Iterator[Finding]:
    if not queue.text_or_none("kmsMasterKeyId") and not queue.flag("sqsManagedSseEnabled", default=False):
        yield Finding("Neither `sqsManagedSseEnabled` is true nor `kmsMasterKeyId` given.")
