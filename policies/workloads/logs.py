"""Logs of workloads. What has to be logged is said where it is logged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity
from policies.workloads.kinds import LOG_GROUP

RULES: Final = Rules()


@RULES.resource(
    "endless-log",
    title="Logs are deleted after some time.",
    remedy="Set `retentionInDays`.",
    source="https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html#cloudwatch-16",
    severity=Severity.LOW,
    types=LOG_GROUP,
)
def _endless(group: Resource, _: Judgement) -> Iterator[Finding]:
    if not group.number("retentionInDays", 0):
        yield Finding("`retentionInDays` is missing or 0, so that it is kept and paid for ever.")
