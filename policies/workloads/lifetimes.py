"""How long logs and data are kept: logs not for ever, and both long enough to investigate and to recover."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity
from policies.workloads.kinds import LIFECYCLE, LOG_GROUP

RULES: Final = Rules()

_CONTROL: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html#cloudwatch-16"
_DAYS: Final = {
    "days": {"type": "integer", "description": "Minimum of days that it is kept", "default": 30},
}


@RULES.resource(
    "endless-log",
    title="Logs are deleted after some time.",
    remedy="Set `retentionInDays`.",
    source=_CONTROL,
    severity=Severity.LOW,
    types=LOG_GROUP,
)
def _endless(group: Resource, _: Judgement) -> Iterator[Finding]:
    if not group.number("retentionInDays", 0):
        yield Finding("`retentionInDays` is missing or 0, so the log is kept, and billed, for ever.")


@RULES.resource(
    "short-log",
    title="Logs are kept long enough to investigate what happened.",
    remedy="Set `retentionInDays` to the number of days that the finding names, or more.",
    source=_CONTROL,
    severity=Severity.MEDIUM,
    types=LOG_GROUP,
    config=_DAYS,
)
def _short(group: Resource, judgement: Judgement) -> Iterator[Finding]:
    days = group.get("retentionInDays")
    if isinstance(days, int | float) and 0 < days < judgement.config["days"]:
        yield Finding(f"`retentionInDays` is below {judgement.config['days']:.0f}.")


@RULES.resource(
    "short-lived-objects",
    title="Objects in buckets, and their old versions, aren't deleted too soon.",
    remedy="Give `expiration` and `noncurrentVersionExpiration` the number of days that the finding names, or more.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html",
    severity=Severity.HIGH,
    types=LIFECYCLE,
    config=_DAYS,
)
def _short_lived(lifecycle: Resource, judgement: Judgement) -> Iterator[Finding]:
    least = judgement.config["days"]
    for rule in lifecycle.parts("rules"):
        for path, days in (("expiration", "days"), ("noncurrentVersionExpiration", "noncurrentDays")):
            given = rule.mapping(path)
            # With this flag, S3 removes only delete markers without older versions behind them.
            if (
                given
                and given.get("expiredObjectDeleteMarker") is not True
                and rule.number(f"{path}.{days}", 0) < least
            ):
                yield Finding(f"`{rule.place(path)}.{days}` is missing or below {least:.0f}.")
