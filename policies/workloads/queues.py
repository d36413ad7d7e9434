"""Queues. The least-privilege pack judges their policies, which say who may use them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.rulebook import UNKNOWN, Finding, Judgement, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each
from policies.workloads.kinds import ALARM, QUEUE

RULES: Final = Rules()

_GUIDE: Final = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
_KEPT_SECONDS: Final = 345_600
"""Default of `messageRetentionSeconds`."""
_HIDDEN_SECONDS: Final = 30
"""Default of `visibilityTimeoutSeconds`."""
_MOST_TRIES: Final = 1000


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
        yield Finding("`sqsManagedSseEnabled` isn't true, and `kmsMasterKeyId` isn't set.")


@RULES.stack(
    "lost-dead-letters",
    title="A dead-letter queue is one of this stack, accepts messages that failed often enough and keeps them longer.",
    remedy="In `redrivePolicy`, set `deadLetterTargetArn` to a queue of this stack and `maxReceiveCount` to 5 to "
    "1000. Set `messageRetentionSeconds` to more than `maxReceiveCount` times `visibilityTimeoutSeconds` plus "
    "`delaySeconds`. On the dead-letter queue, set a higher `messageRetentionSeconds`, and a `redriveAllowPolicy` of "
    "`byQueue` with this queue's ARN.",
    source=_GUIDE + "sqs-dead-letter-queues.html",
    severity=Severity.MEDIUM,
    config={
        "tries": {
            "type": "integer",
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-queueconfig
            "description": "Minimum of times that a message is received before it goes to the dead-letter queue",
            "default": 5,
        }
    },
)
@for_each(QUEUE)
def _lost(stack: Stack, queue: Resource, judgement: Judgement) -> Iterator[str]:
    if not _has_redrive_policy(queue):
        return
    policy = _read(queue.text("redrivePolicy"))
    tries = policy.get("maxReceiveCount")
    fewest = judgement.config["tries"]
    if isinstance(tries, bool) or not isinstance(tries, int) or not fewest <= tries <= _MOST_TRIES:
        yield f"`redrivePolicy.maxReceiveCount` isn't a number from {fewest:.0f} to {_MOST_TRIES}."
    elif _retention(queue) < tries * queue.number("visibilityTimeoutSeconds", _HIDDEN_SECONDS) + queue.number(
        "delaySeconds", 0
    ):
        yield "`messageRetentionSeconds` is too short for a message to be received `maxReceiveCount` times."
    targets = _dead_letter_queues(stack, queue)
    if not targets:
        yield "`redrivePolicy.deadLetterTargetArn` isn't a queue of this stack."
    for target in targets:
        if _retention(target) <= _retention(queue):
            yield f"Its dead-letter queue `{target.name}` doesn't keep messages longer than the queue itself."
        if not _accepts(target, queue):
            yield f"`redriveAllowPolicy` of `{target.name}` isn't `byQueue` with this queue's ARN in `sourceQueueArns`."


@RULES.stack(
    "unwatched-dead-letters",
    title="An alarm goes off when a dead-letter queue has messages.",
    remedy="Add a `MetricAlarm` on `ApproximateNumberOfMessagesVisible` of `AWS/SQS` for the dead-letter queue that "
    "goes off above 0.",
    source=_GUIDE + "sqs-available-cloudwatch-metrics.html",
    severity=Severity.LOW,
)
@for_each(QUEUE)
def _unwatched(stack: Stack, queue: Resource, _: Judgement) -> Iterator[str]:
    if _has_redrive_policy(queue):
        for target in _dead_letter_queues(stack, queue):
            if not any(_watches(alarm, target) for alarm in stack.only(ALARM)):
                yield f"No alarm of this stack goes off as soon as its dead-letter queue `{target.name}` has messages."


def _has_redrive_policy(queue: Resource) -> bool:
    """Tell whether the program gives a queue a redrive policy. Without one, AWS reports an empty policy."""
    given = queue.get("redrivePolicy")
    return bool(queue.references.get("redrivePolicy")) if given is UNKNOWN else given not in (None, "")


def _dead_letter_queues(stack: Stack, queue: Resource) -> list[Resource]:
    """Return the queues of the stack that have the name of a queue's dead-letter queue."""
    name = dead_letter_queue(queue)
    return [other for other in stack.only(QUEUE) if name and other.get("name") == name and other is not queue]


def dead_letter_queue(queue: Resource) -> str:
    """Return the name of a queue's dead-letter queue, empty if its policy names none.

    Raises:
        Unjudgeable: the policy isn't known.
    """
    arn = _read(queue.text("redrivePolicy")).get("deadLetterTargetArn")
    return arn.rpartition(":")[2] if isinstance(arn, str) else ""


def _read(text: str) -> Mapping[str, Any]:
    """Return a policy of a queue, empty for a text that isn't one."""
    try:
        policy = json.loads(text)
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}


def _retention(queue: Resource) -> float:
    return queue.number("messageRetentionSeconds", _KEPT_SECONDS)


def _accepts(target: Resource, queue: Resource) -> bool:
    """Tell whether a dead-letter queue lists the queues that may use it, this one among them. The default is any."""
    given = target.get("redriveAllowPolicy")
    policy = _read(given) if isinstance(given, str) else {}
    arns = policy.get("sourceQueueArns") if policy.get("redrivePermission") == "byQueue" else None
    return queue.get("name") in [str(arn).rpartition(":")[2] for arn in (arns if isinstance(arns, list) else ())]


def _watches(alarm: Resource, queue: Resource) -> bool:
    """Tell whether an alarm goes off at the first message of a queue."""
    first = {"GreaterThanThreshold": 0, "GreaterThanOrEqualToThreshold": 1}
    return (
        alarm.get("namespace") == "AWS/SQS"
        and alarm.get("metricName") == "ApproximateNumberOfMessagesVisible"
        and alarm.get("dimensions") == {"QueueName": queue.get("name")}
        and first.get(str(alarm.get("comparisonOperator"))) == alarm.get("threshold", -1)
        and alarm.flag("actionsEnabled", default=True)
    )
