"""Services and clusters on ECS: closed, on a current platform, watched, and without a shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity
from policies.workloads.kinds import SERVICE, TASK_CLUSTER, TASK_SET

RULES: Final = Rules()

_CONTROLS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html"
_GUIDE: Final = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"
_INSIGHTS: Final = frozenset(("enabled", "enhanced"))


@RULES.resource(
    "service-in-public",
    title="Tasks have no public address.",
    remedy="Set `networkConfiguration.assignPublicIp` to false, and give the service private subnets.",
    source=_CONTROLS + "#ecs-2",
    severity=Severity.HIGH,
    types=SERVICE | TASK_SET,
)
def _public(service: Resource, _: Judgement) -> Iterator[Finding]:
    if not service.mapping("networkConfiguration"):
        yield Finding("`networkConfiguration` is missing, so its tasks share the network of their host.")
    elif service.flag("networkConfiguration.assignPublicIp", default=False):
        yield Finding("`networkConfiguration.assignPublicIp` isn't false.")


@RULES.resource(
    "old-platform",
    title="Services run on a current Fargate platform version.",
    remedy="Set `platformVersion` to `LATEST`, or leave it out.",
    source=_CONTROLS + "#ecs-10",
    severity=Severity.MEDIUM,
    types=SERVICE | TASK_SET,
    config={
        "versions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Accepted platform versions",
            "default": ["LATEST", "1.4.0"],
        }
    },
)
def _old(service: Resource, judgement: Judgement) -> Iterator[Finding]:
    if service.text_or_none("platformVersion") not in (None, *judgement.config["versions"]):
        yield Finding("`platformVersion` isn't among the accepted ones.")


@RULES.resource(
    "open-shell",
    title="Nobody can open a shell in a running task.",
    remedy="Leave out `enableExecuteCommand`: use logs and one-off tasks instead.",
    source=_GUIDE + "ecs-exec.html",
    severity=Severity.HIGH,
    types=SERVICE,
)
def _shell(service: Resource, _: Judgement) -> Iterator[Finding]:
    if service.flag("enableExecuteCommand", default=False):
        yield Finding("`enableExecuteCommand` lets anyone with access to ECS Exec run commands with the task's role.")


@RULES.resource(
    "rollout-without-rollback",
    title="A failed rollout is rolled back.",
    remedy="Set `enable` and `rollback` of `deploymentCircuitBreaker` to true.",
    source=_GUIDE + "deployment-circuit-breaker.html",
    severity=Severity.MEDIUM,
    types=SERVICE,
)
def _no_rollback(service: Resource, _: Judgement) -> Iterator[Finding]:
    for key in ("enable", "rollback"):
        if not service.flag(f"deploymentCircuitBreaker.{key}", default=False):
            yield Finding(f"`deploymentCircuitBreaker.{key}` isn't true.")


@RULES.resource(
    "cluster-without-insights",
    title="Clusters collect metrics about their tasks.",
    remedy="Add the setting `containerInsights` with the value `enabled` or `enhanced`.",
    source=_CONTROLS + "#ecs-12",
    severity=Severity.LOW,
    types=TASK_CLUSTER,
)
def _no_insights(cluster: Resource, _: Judgement) -> Iterator[Finding]:
    settings = {setting.text("name"): setting.text("value") for setting in cluster.parts("settings")}
    if settings.get("containerInsights") not in _INSIGHTS:
        yield Finding("`settings` doesn't turn `containerInsights` on.")
