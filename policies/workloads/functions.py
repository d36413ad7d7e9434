"""Functions: called by this account only, on a current runtime, limited, and without losing events that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity, Stack, Unjudgeable
from policies.rulebook.links import for_each, named_sources, sources, users
from policies.workloads.kinds import (
    EVENT_SOURCE,
    FUNCTION,
    FUNCTION_PERMISSION,
    FUNCTION_RECURSION,
    FUNCTION_URL,
    QUEUE,
)
from policies.workloads.queues import dead_letter_queue

RULES: Final = Rules()

_CONTROLS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/lambda-controls.html"
_GUIDE: Final = "https://docs.aws.amazon.com/lambda/latest/dg/"
_BATCH: Final = 10
_SECONDS: Final = 3
_HIDDEN_SECONDS: Final = 30
"""Defaults: messages in a batch, timeout of a function, visibility timeout of a queue."""
_TRIES: Final = 6
"""AWS recommends a visibility timeout of this many function timeouts, so that Lambda can retry after throttling."""


@RULES.resource(
    "open-function",
    title="Only resources of this account can call a function.",
    remedy="Name the service in `principal`, the caller in `sourceArn` and the account in `sourceAccount`, and don't "
    "give the function a URL.",
    source=_CONTROLS + "#lambda-1",
    severity=Severity.CRITICAL,
    types=FUNCTION_PERMISSION | FUNCTION_URL,
)
def _open(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if resource.type in FUNCTION_URL:
        yield Finding("A URL lets the internet reach the function.")
        return
    if resource.text_or_none("functionUrlAuthType") is not None:
        yield Finding("`functionUrlAuthType` lets callers in through a URL.")
    principal = resource.text("principal")
    if not principal.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        if not judgement.account or judgement.account not in re.split("[:/]", principal):
            yield Finding("`principal` is neither a service nor this account.")
        return
    account = resource.text_or_none("sourceAccount")
    if account is None or (judgement.account and account != judgement.account):
        yield Finding("`sourceAccount` isn't this account, so the service can call it for other accounts too.")
    if "sourceArn" not in resource.properties:
        yield Finding("`sourceArn` is missing, so any resource of the service can call it.")


@RULES.resource(
    "old-runtime",
    title="Functions run on a runtime that AWS still maintains.",
    remedy="Move the code to a runtime that the rule's configuration lists.",
    source=_GUIDE + "lambda-runtimes.html",
    severity=Severity.MEDIUM,
    types=FUNCTION,
    config={
        "runtimes": {
            "type": "array",
            "items": {"type": "string"},
            # The runtimes that AWS maintains until 2028 or longer, according to its list of early 2026.
            "description": "Accepted runtimes",
            "default": [
                *("python3.12", "python3.13", "python3.14", "nodejs24.x", "java21", "java25", "dotnet10", "ruby3.4"),
                "provided.al2023",
            ],
        }
    },
)
def _old_runtime(function: Resource, judgement: Judgement) -> Iterator[Finding]:
    runtime = function.text_or_none("runtime")
    if runtime is None and function.text_or_none("packageType") != "Image":
        yield Finding("`runtime` is missing.")
    elif runtime is not None and runtime not in judgement.config["runtimes"]:
        yield Finding("`runtime` isn't among the accepted ones.")


@RULES.resource(
    "unlimited-function",
    title="The number of concurrent executions of a function is limited.",
    remedy="Set `reservedConcurrentExecutions`: without it, one function can use up the account's concurrency.",
    source=_GUIDE + "configuration-concurrency.html",
    severity=Severity.MEDIUM,
    types=FUNCTION,
)
def _unlimited(function: Resource, _: Judgement) -> Iterator[Finding]:
    if function.number("reservedConcurrentExecutions", -1) < 0:
        yield Finding("`reservedConcurrentExecutions` is missing or negative.")


@RULES.stack(
    "function-without-dead-letters",
    title="Events that a function fails to handle are kept.",
    remedy="Feed it from queues whose `redrivePolicy` is known at preview and names another queue. If services call "
    "it, set `deadLetterConfig.targetArn`.",
    source=_GUIDE + "invocation-async-retain-records.html",
    severity=Severity.MEDIUM,
)
@for_each(FUNCTION)
def _without_dead_letters(stack: Stack, function: Resource, _: Judgement) -> Iterator[str]:
    if function.get("deadLetterConfig.targetArn") is not None:
        return
    mappings = _mappings(stack, function)
    if not mappings or users(stack, function, "function", FUNCTION_PERMISSION):
        yield "It is called without a queue, and has no `deadLetterConfig.targetArn`."
    for mapping in mappings:
        queues = sources(stack, mapping, "eventSourceArn", QUEUE)
        if not queues or not all(map(_has_dead_letter_queue, queues)):
            yield f"Its event source `{mapping.name}` isn't a queue of this stack with a dead-letter queue."


def _mappings(stack: Stack, function: Resource) -> list[Resource]:
    """Return the event sources of a function."""
    return [
        mapping
        for mapping in stack.only(EVENT_SOURCE)
        if function in named_sources(stack, mapping, "functionName", FUNCTION)
    ]


def _has_dead_letter_queue(queue: Resource) -> bool:
    """Tell whether a queue sends messages that fail to another queue."""
    try:
        return dead_letter_queue(queue) not in ("", queue.get("name"))
    except Unjudgeable:
        return False


@RULES.resource(
    "repeated-batch",
    title="If a function fails on some messages of a batch, only those are delivered again.",
    remedy="Set `functionResponseTypes` to `ReportBatchItemFailures` and have the function return the failed messages, "
    "or set `batchSize` to 1.",
    source=_GUIDE + "services-sqs-errorhandling.html",
    severity=Severity.MEDIUM,
    types=EVENT_SOURCE,
)
def _repeated(mapping: Resource, _: Judgement) -> Iterator[Finding]:
    reports = "ReportBatchItemFailures" in mapping.texts("functionResponseTypes")
    if not reports and mapping.number("batchSize", _BATCH) != 1:
        yield Finding("`functionResponseTypes` lacks `ReportBatchItemFailures`.")


@RULES.stack(
    "overrun-function",
    title="A queue doesn't exceed a function's concurrency, and hides messages for as long as the function may need.",
    remedy="Set `scalingConfig.maximumConcurrency` of the event source to at most the function's "
    "`reservedConcurrentExecutions`. Set `visibilityTimeoutSeconds` of the queue to at least six times the function's "
    "`timeout` plus `maximumBatchingWindowInSeconds`.",
    source=_GUIDE + "services-sqs-configure.html",
    severity=Severity.MEDIUM,
)
@for_each(FUNCTION)
def _overrun(stack: Stack, function: Resource, _: Judgement) -> Iterator[str]:
    most, seconds = function.number_or_none("reservedConcurrentExecutions"), function.number("timeout", _SECONDS)
    for mapping in _mappings(stack, function):
        queues = sources(stack, mapping, "eventSourceArn", QUEUE)
        at_once = mapping.number_or_none("scalingConfig.maximumConcurrency")
        if queues and (at_once is None or (most is not None and at_once > most)):
            yield f"Its event source `{mapping.name}` may give it more at once than `reservedConcurrentExecutions`."
        for queue in queues:
            hidden = _TRIES * seconds + mapping.number("maximumBatchingWindowInSeconds", 0)
            if queue.number("visibilityTimeoutSeconds", _HIDDEN_SECONDS) < hidden:
                yield f"`{queue.name}` delivers a message again in less than {hidden:g} seconds."


@RULES.resource(
    "code-without-version",
    title="The code of a function is a fixed version of an archive, so that exactly the reviewed code runs.",
    remedy="Set `s3ObjectVersion`, with a bucket that keeps versions, and `sourceCodeHash`.",
    source=_GUIDE + "configuration-function-zip.html",
    severity=Severity.HIGH,
    types=FUNCTION,
)
def _without_version(function: Resource, _: Judgement) -> Iterator[Finding]:
    if function.get("s3Bucket") is not None:
        for path, lack in (
            ("s3ObjectVersion", "the latest version of the object runs"),
            ("sourceCodeHash", "changed code isn't noticed"),
        ):
            if not function.text_or_none(path):
                yield Finding(f"`{path}` is missing, so {lack}.")


@RULES.resource(
    "recursive-function",
    title="AWS stops a function that calls itself in a loop.",
    remedy="Set `recursiveLoop` to `Terminate`.",
    source=_GUIDE + "invocation-recursion.html",
    severity=Severity.LOW,
    types=FUNCTION_RECURSION,
)
def _recursive(config: Resource, _: Judgement) -> Iterator[Finding]:
    if config.text("recursiveLoop") != "Terminate":
        yield Finding("`recursiveLoop` isn't `Terminate`.")
