"""Queues. Who may use one stands in its policy, which the pack least-privilege judges."""

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
"""How long a queue that doesn't say keeps a message."""
_HIDDEN_SECONDS: Final = 30
"""How long a queue that doesn't say hides a message that was received."""
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
        yield Finding("Neither `sqsManagedSseEnabled` is true nor `kmsMasterKeyId` given.")


@RULES.stack(
    "lost-dead-letters",
    title="What a queue gives up after enough tries goes to a queue of the stack that takes it and keeps it longer.",
    remedy="Have `redrivePolicy` name a queue of this stack as `deadLetterTargetArn`, and 5 to 1000 as "
    "`maxReceiveCount`. Set `messageRetentionSeconds` to more than that many times `visibilityTimeoutSeconds`, that of "
    "the other queue higher still, and have its `redriveAllowPolicy` say `byQueue` and name this one.",
    source=_GUIDE + "sqs-dead-letter-queues.html",
    severity=Severity.MEDIUM,
    config={
        "tries": {
            "type": "integer",
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-queueconfig
            "description": "Fewest times that a message is received before it is given up",
            "default": 5,
        }
    },
)
@for_each(QUEUE)
def _lost(stack: Stack, queue: Resource, judgement: Judgement) -> Iterator[str]:
    if not _gives_up(queue):
        return
    policy = _read(queue.text("redrivePolicy"))
    tries = policy.get("maxReceiveCount")
    fewest = judgement.config["tries"]
    if isinstance(tries, bool) or not isinstance(tries, int) or not fewest <= tries <= _MOST_TRIES:
        yield f"`redrivePolicy.maxReceiveCount` isn't a number from {fewest:.0f} to {_MOST_TRIES}."
    elif _kept(queue) < tries * queue.number("visibilityTimeoutSeconds", _HIDDEN_SECONDS) + queue.number(
        "delaySeconds", 0
    ):
        yield "`messageRetentionSeconds` is over before a message was received `maxReceiveCount` times."
    keepers = _keepers(stack, queue)
    if not keepers:
        yield "`redrivePolicy.deadLetterTargetArn` isn't a queue of this stack."
    for keeper in keepers:
        if _kept(keeper) <= _kept(queue):
            yield f"`{keeper.name}`, which takes what it gives up, doesn't keep it longer than the queue itself."
        if not _takes(keeper, queue):
            yield f"`redriveAllowPolicy` of `{keeper.name}` isn't `byQueue` with this queue's ARN in `sourceQueueArns`."


@RULES.stack(
    "unwatched-dead-letters",
    title="An alarm tells when something was given up.",
    remedy="Add a `MetricAlarm` on `ApproximateNumberOfMessagesVisible` of `AWS/SQS` for the queue of dead letters, "
    "which goes off above 0.",
    source=_GUIDE + "sqs-available-cloudwatch-metrics.html",
    severity=Severity.LOW,
)
@for_each(QUEUE)
def _unwatched(stack: Stack, queue: Resource, _: Judgement) -> Iterator[str]:
    if _gives_up(queue):
        for keeper in _keepers(stack, queue):
            if not any(_watches(alarm, keeper) for alarm in stack.only(ALARM)):
                yield f"No alarm of this stack goes off as soon as `{keeper.name}` holds what it gave up."


def _gives_up(queue: Resource) -> bool:
    """Tell whether the program gives a queue a redrive policy. AWS tells of an empty one where it doesn't."""
    given = queue.get("redrivePolicy")
    return bool(queue.references.get("redrivePolicy")) if given is UNKNOWN else given not in (None, "")


def _keepers(stack: Stack, queue: Resource) -> list[Resource]:
    """Return the queues of the stack that have the name of a queue's dead letter queue."""
    name = dead_letter_queue(queue)
    return [other for other in stack.only(QUEUE) if name and other.get("name") == name and other is not queue]


def dead_letter_queue(queue: Resource) -> str:
    """Return the name of the queue that gets what a queue gives up, empty where its policy names none.

    Raises:
        Unjudgeable: the policy isn't known.
    """
    arn = _read(queue.text("redrivePolicy")).get("deadLetterTargetArn")
    return arn.rpartition(":")[2] if isinstance(arn, str) else ""


def _read(text: str) -> Mapping[str, Any]:
    """Return a policy of a queue, empty for what isn't one."""
    try:
        policy = json.loads(text)
    except ValueError:
        return {}
    return policy if isinstance(policy, dict) else {}


def _kept(queue: Resource) -> float:
    return queue.number("messageRetentionSeconds", _KEPT_SECONDS)


def _hidden(queue: Resource) -> float:
    return queue.number("visibilityTimeoutSeconds", _HIDDEN_SECONDS)


def _takes(keeper: Resource, queue: Resource) -> bool:
    """Tell whether a queue takes dead letters of those that it names, another one among them. By default, of any."""
    given = keeper.get("redriveAllowPolicy")
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
