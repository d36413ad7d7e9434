"""What each workload is given, for the gate: `policies/config/workloads.<stack>.json`.

What ECS injects into it, its roles and the marker of park mode are derived from the catalogue, for stacks that make
their workloads. The pack workloads compares them with the plan. Other configuration in the file stays as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.catalogue import TASKS, Reader, secret_uses
from components.containers import CONTAINERS
from components.iam_names import execution_role_name, task_role_name
from components.images import workload_image
from components.immutable import read
from components.naming import Names
from components.parameter_catalogue import PARK_MODE, injected_parameters
from components.workload_settings import HERE, completed
from stackfiles.project import load


def variables(names: Names) -> dict[str, dict[str, str]]:
    """Return family of a task definition -> environment variable -> what is injected as it, for one environment."""
    declared = {
        names.resource(workload): {
            **{
                consumer.variable: f"secret:{secret.name(names)}" + (f"#{consumer.key}" if consumer.key else "")
                for secret, consumer in secret_uses(workload, here=True)
                if consumer.variable
            },
            **{
                consumer.variable: f"parameter:{parameter.name(names)}"
                for parameter in injected_parameters(workload, here=True)
                for consumer in parameter.consumers
                if consumer.workload is workload
            },
        }
        for workload in CONTAINERS
    }
    return {family: injected for family, injected in declared.items() if injected}


def roles(names: Names, function: str) -> dict[str, dict[str, str]]:
    """Return family of a task definition, or name of the function -> property -> name of the role that it has."""
    tasks = {
        names.resource(workload): {
            "executionRoleArn": names.role(execution_role_name(names, workload)),
            **({"taskRoleArn": names.role(task_role_name(names, workload))} if workload in TASKS else {}),
        }
        for workload in CONTAINERS
    }
    return {**tasks, function: {"role": names.role(names.resource(Reader.ORK_PROCESSOR))}}


def injections_file(project: Path, stack: str) -> tuple[Path, str]:
    """Return the configuration file of one of a project's stacks and what it must hold."""
    path = project / "policies" / "config" / f"workloads.{stack}.json"
    given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    loaded = load(project, stack)
    said = completed({key.removeprefix(f"{loaded.name}:"): value for key, value in loaded.config.items()}, stack)
    names = Names("", stack, "", "", immutable=read(json.loads(loaded.setting("immutable") or "{}")))
    here = said.get("workloads") == HERE
    # A first deploy names one image after the other.
    run = [workload for workload in CONTAINERS if here and said.get(workload_image(workload, here=True).digest_key)]
    written: dict[str, dict[str, Any]] = {
        "undeclared-injection": {"variables": variables(names) if here else {}},
        "undeclared-role": {"roles": roles(names, said["orkFunction"]) if here else {}},
        "unwired-workload": {"families": [*map(names.resource, run)]},
        "half-parked": {"marker": PARK_MODE.name(names) if here else ""},
    }
    for rule, configuration in written.items():
        own = given.get(rule)
        given[rule] = (own if isinstance(own, dict) else {}) | configuration
    return path, json.dumps(given, indent=2, ensure_ascii=False) + "\n"
