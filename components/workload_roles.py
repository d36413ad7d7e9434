"""The roles of one ECS workload."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.catalogue import Workload
from components.guarded_role import GuardedRole, GuardedRoleArgs
from components.iam_documents import ecs_tasks_trust
from components.naming import Names
from components.settings import Settings
from components.workload_permissions import TASKS, execution_statements, task_statements


@dataclass(frozen=True)
class WorkloadRolesArgs:
    """The workload and the name of the boundary of its roles."""

    names: Names
    settings: Settings
    workload: Workload
    boundary: str


def execution_role_name(names: Names, workload: Workload) -> str:
    """Return the name of the role with which ECS starts a workload."""
    return names.resource(workload, "execution")


def task_role_name(names: Names, workload: Workload) -> str:
    """Return the name of the role that a workload's own code has."""
    return names.resource(workload, "task")


def role_names(names: Names, workload: Workload) -> list[str]:
    """Return the names of a workload's roles: execution, and task where it calls AWS by itself."""
    task = [task_role_name(names, workload)] if workload in TASKS else []
    return [execution_role_name(names, workload), *task]


class WorkloadRoles(pulumi.ComponentResource):
    """Execution role (what ECS needs to start it) and task role (what its code needs), kept apart."""

    def __init__(self, name: str, args: WorkloadRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        names, workload = args.names, args.workload
        super().__init__("guarded:iam:WorkloadRoles", name, None, opts)
        purposes = {
            execution_role_name(names, workload): (
                f"Starts {workload}",
                execution_statements(workload, names, args.settings),
            )
        }
        if workload in TASKS:
            purposes[task_role_name(names, workload)] = (f"Runs {workload}", task_statements(workload, names))
        self.arns = [
            GuardedRole(
                role,
                GuardedRoleArgs(
                    names=names,
                    description=description,
                    trust=ecs_tasks_trust(names),
                    statements=statements,
                    boundary=args.boundary,
                    component=workload,
                ),
                pulumi.ResourceOptions(parent=self),
            ).arn
            for role, (description, statements) in purposes.items()
        ]
        self.register_outputs({"arns": self.arns})
