"""Writes what the gate expects of each workload: `policies/config/workloads.<stack>.json`.

For stacks that create their workloads, the program's own tables say what ECS injects into each, its roles, its targets,
its connections, how many tasks run, and the park mode marker. The pack `workloads` compares them with the
plan. Other configuration in the file stays as it is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.applications import APPLICATIONS, Application
from components.catalogue import TASKS, Reader, Workload, secret_uses
from components.containers import CONTAINERS, PREFECT_API, SERVICES
from components.iam_names import execution_role_name, task_role_name
from components.images import workload_image
from components.immutable import read
from components.members import FLOWS, MEMBERS, TARGETS, Member
from components.naming import Names
from components.parameter_catalogue import (
    DATABASE_HOST,
    LOAD_BALANCER_ARN,
    PARK_MODE,
    SECURITY_GROUP_ID,
    injected_parameters,
)
from components.workload_settings import HERE, completed
from stackfiles.project import load


def variables(names: Names) -> dict[str, dict[str, str]]:
    """Map the family of each task definition of an environment to its variables, and each to the injected value."""
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
    """Map the family of each task definition, and the function's name, to properties with the names of their roles."""
    tasks = {
        names.resource(workload): {
            "executionRoleArn": names.role(execution_role_name(names, workload)),
            **({"taskRoleArn": names.role(task_role_name(names, workload))} if workload in TASKS else {}),
        }
        for workload in CONTAINERS
    }
    return {**tasks, function: {"role": names.role(names.resource(Reader.ORK_PROCESSOR))}}


def wires(names: Names) -> dict[str, dict[str, list[str]]]:
    """Map the name of each service, database and parameter to properties with the names of their targets, unmarked."""
    database, edge = names.resource("database"), names.resource("edge")
    services = {
        names.resource(workload): {
            "networkConfiguration": [names.resource(MEMBERS[workload])],
            "taskDefinition": [names.resource(workload)],
            "loadBalancers": [_targets(names, application)]
            if (application := CONTAINERS[workload].application)
            else [],
            "serviceRegistries": [PREFECT_API] if workload is Workload.PREFECT_API else [],
        }
        for workload in SERVICES
    }
    told = {
        DATABASE_HOST: database,
        LOAD_BALANCER_ARN: names.fixed("loadBalancers", edge, "name", edge),
        SECURITY_GROUP_ID: names.resource(Member.PREFECT_DEPLOYER),
    }
    return {
        **services,
        database: {"vpcSecurityGroupIds": [names.resource(Member.DATABASE)]},
        **{parameter.name(names): {"insecureValue": [name]} for parameter, name in told.items()},
    }


def most_tasks(names: Names) -> dict[str, int]:
    """Map the name of each service to the number of its tasks that can run at once."""
    return {names.resource(workload): CONTAINERS[workload].most for workload in SERVICES}


def _targets(names: Names, application: Application) -> str:
    """Return the name of an application's target group, without the mark."""
    label = names.resource(application.label)
    return names.fixed("targetGroups", label, "name", label)


def routes(names: Names, domain: str) -> dict[str, str]:
    """Map each host to the name of its target group, without the mark."""
    return {names.host(application.label, domain): _targets(names, application) for application in APPLICATIONS}


def connections(names: Names) -> dict[str, list[str]]:
    """Map the name of each security group, without the mark, to the `GROUP:PORT` of each group that connects to it."""
    edge = names.resource("edge")
    edge = names.fixed("securityGroups", edge, "name", edge)
    from_edge = [(edge, target, application.port) for application, target in TARGETS.items()]
    flows = [(names.resource(flow.source), flow.target, flow.port) for flow in FLOWS]
    return {
        names.resource(member): called
        for member in Member
        if (called := [f"{caller}:{port}" for caller, target, port in [*from_edge, *flows] if target is member])
    }


def injections_file(project: Path, stack: str) -> tuple[Path, str]:
    """Return the configuration file of one of a project's stacks and what it must hold."""
    path = project / "policies" / "config" / f"workloads.{stack}.json"
    given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    loaded = load(project, stack)
    said = completed({key.removeprefix(f"{loaded.name}:"): value for key, value in loaded.config.items()}, stack)
    immutable = read(json.loads(loaded.setting("immutable") or "{}"))
    names = Names("", stack, "", "", host_style=said.get("hostStyle", Names.host_style), immutable=immutable)
    here = said.get("workloads") == HERE
    # During a first deploy, the settings name the images one after the other.
    run = [workload for workload in CONTAINERS if here and said.get(workload_image(workload, here=True).digest_key)]
    written: dict[str, dict[str, Any]] = {
        "undeclared-injection": {"variables": variables(names) if here else {}},
        "undeclared-role": {"roles": roles(names, said["orkFunction"]) if here else {}},
        "undeclared-wiring": {"wires": wires(names) if here else {}},
        "undeclared-tasks": {"most": most_tasks(names) if here else {}},
        "undeclared-route": {"routes": routes(names, said["domain"])},
        "undeclared-connection": {"connections": connections(names) if here else {}},
        "unwired-workload": {"families": [*map(names.resource, run)]},
        "half-parked": {"marker": PARK_MODE.name(names) if here else ""},
    }
    for rule, configuration in written.items():
        own = given.get(rule)
        given[rule] = (own if isinstance(own, dict) else {}) | configuration
    return path, json.dumps(given, indent=2, ensure_ascii=False) + "\n"
