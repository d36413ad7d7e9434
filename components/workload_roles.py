"""The roles of one ECS workload."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.catalogue import TASKS, Workload
from components.guarded_role import GuardedRole, GuardedRoleArgs
from components.iam_documents import ecs_tasks_trust
from components.iam_names import execution_role_name, task_role_name
from components.naming import Names
from components.settings import Settings
from components.workload_permissions import execution_statements, task_statements


@dataclass(frozen=True)
class WorkloadRolesArgs:
    """The workload and the name of the boundary of its roles."""

    names: Names
    settings: Settings
    workload: Workload
    boundary: str


class WorkloadRoles(pulumi.ComponentResource):
    """Two separate roles: the execution role, with which ECS starts the workload, and the task role of its code."""

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
            purposes[task_role_name(names, workload)] = (
                f"Runs {workload}",
                task_statements(workload, names, args.settings),
            )
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
