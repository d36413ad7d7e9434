"""The task definition of one workload that this program creates, and its log group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.catalogue import TASKS, Workload
from components.iam_names import execution_role_name, task_role_name
from components.naming import Names
from components.settings import Settings

LOG_DAYS: Final = 90


@dataclass(frozen=True)
class TaskArgs:
    """The workload, its containers (JSON text), and its size: `cpu` in 1,024ths of a processor, `memory` in MiB."""

    names: Names
    settings: Settings
    workload: Workload
    containers: str
    cpu: int
    memory: int


class Task(pulumi.ComponentResource):
    """A task definition for Fargate, with the workload's roles, and the log group to which it writes.

    A new revision leaves the one before it active, so that ECS can roll back to it.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: TaskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:ecs:Task", name, None, opts)
        names, workload = args.names, args.workload
        logs = aws.cloudwatch.LogGroup(
            name,
            name=names.task_log_group(workload),
            retention_in_days=LOG_DAYS,
            tags=names.tags(workload),
            opts=pulumi.ResourceOptions(parent=self),
        )
        definition = aws.ecs.TaskDefinition(
            name,
            family=names.resource(workload),
            cpu=str(args.cpu),
            memory=str(args.memory),
            network_mode="awsvpc",
            requires_compatibilities=["FARGATE"],
            runtime_platform=aws.ecs.TaskDefinitionRuntimePlatformArgs(
                cpu_architecture=args.settings.cpu_architecture, operating_system_family="LINUX"
            ),
            execution_role_arn=names.role_arn(execution_role_name(names, workload)),
            task_role_arn=names.role_arn(task_role_name(names, workload)) if workload in TASKS else None,
            container_definitions=args.containers,
            skip_destroy=True,
            tags=names.tags(workload),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs]),
        )
        self.arn = definition.arn
        self.register_outputs({"arn": self.arn})
