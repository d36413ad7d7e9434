"""Capacity: how many tasks of a service run at once, and how far a database can grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity
from policies.workloads.kinds import CLUSTER_INSTANCE, DATABASE_CLUSTER, DATABASE_INSTANCE, SERVICE

RULES: Final = Rules()

_MAXIMUM_PERCENT: Final = 200
"""ECS's default for a service.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
"""

_SCALING: Final = "serverlessv2ScalingConfiguration"


@RULES.resource(
    "undeclared-tasks",
    title="A service never runs more tasks at once than are declared, even during a deployment.",
    remedy="Lower `desiredCount` or `deploymentMaximumPercent`, or declare more in the program and run `make docs`.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html",
    severity=Severity.MEDIUM,
    types=SERVICE,
    config={
        "most": {
            "type": "object",
            "description": "Name of a service -> how many of its tasks may run at once; 0 for a service that isn't "
            "named",
            "default": {},
        }
    },
)
def _undeclared_tasks(service: Resource, judgement: Judgement) -> Iterator[Finding]:
    count = service.number("desiredCount", 0)
    most = count * max(service.number("deploymentMaximumPercent", _MAXIMUM_PERCENT), 100) // 100
    declared = judgement.config["most"].get(service.text("name"), 0)
    if most > declared:
        yield Finding(
            f"`desiredCount` and `deploymentMaximumPercent` allow {most:g} tasks at once; declared: {declared:g}."
        )


@RULES.resource(
    "unagreed-capacity",
    title="A database grows no further than its owners agreed.",
    remedy="Lower `maxCapacity` and use an agreed `instanceClass`, or have the owners configure `unagreed-capacity`.",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html",
    severity=Severity.MEDIUM,
    types=DATABASE_CLUSTER | CLUSTER_INSTANCE | DATABASE_INSTANCE,
    config={
        "capacity": {"type": "number", "description": "Maximum of Aurora capacity units of a database", "default": 8},
        "classes": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Accepted instance classes",
            "default": ["db.serverless"],
        },
    },
)
def _unagreed_capacity(database: Resource, judgement: Judgement) -> Iterator[Finding]:
    if database.type not in DATABASE_CLUSTER:
        if database.text("instanceClass") not in judgement.config["classes"]:
            yield Finding("`instanceClass` isn't among the agreed ones.")
    elif database.get(_SCALING) is not None:
        most = database.at(_SCALING).number("maxCapacity")
        if most > judgement.config["capacity"]:
            yield Finding(f"`{_SCALING}.maxCapacity` is more than {judgement.config['capacity']:g}.")
