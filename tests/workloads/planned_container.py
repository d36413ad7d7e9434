"""Containers of the plan, started as ECS would start them, for third-party programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.planning import Plan
from tests.workloads import LAB

TASK = "aws:ecs/taskDefinition:TaskDefinition"


@dataclass(frozen=True)
class PlannedContainer:
    """The command and environment of a container of the plan.

    `environment` is variable -> value, and `injected` variable -> name of the secret or parameter, without the stack's
    name; `NAME:KEY::` is a key of a secret's JSON. `health` is the command of its health check as a line for the shell,
    or empty. The container is killed `stop` seconds after it was asked to end.
    """

    command: list[str]
    environment: Mapping[str, str]
    injected: Mapping[str, str]
    health: str
    stop: int

    def started_with(self, values: Mapping[str, str], here: Mapping[str, str]) -> dict[str, str]:
        """Return its whole environment: `values` is name -> value of the injected secrets and parameters.

        `here` maps what planned values name, but this machine lacks, to its replacement here.

        Raises:
            KeyError: an injected name has no value.
        """
        written = dict(self.environment)
        for planned, own in here.items():
            written = {name: value.replace(planned, own) for name, value in written.items()}
        return written | {variable: _injected(values, reference) for variable, reference in self.injected.items()}


def _injected(values: Mapping[str, str], reference: str) -> str:
    name, _, key = reference.removesuffix("::").partition(":")
    return str(json.loads(values[name])[key]) if key else values[name]


def planned_container(plan: Plan, family: str) -> PlannedContainer:
    """Return the container of a task definition."""
    (task,) = [inputs for inputs in plan.inputs(TASK) if inputs["family"] == family]
    (container,) = json.loads(task["containerDefinitions"])
    return PlannedContainer(
        command=container.get("command", []),
        environment=_pairs(container["environment"], "value"),
        injected={name: arn.partition(f"{LAB}/")[2] for name, arn in _pairs(container["secrets"], "valueFrom").items()},
        health=container.get("healthCheck", {}).get("command", ["", ""])[1],
        stop=container["stopTimeout"],
    )


def _pairs(entries: list[dict[str, Any]], key: str) -> dict[str, str]:
    return {entry["name"]: entry[key] for entry in entries}
