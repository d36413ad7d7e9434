"""A workload of this program that keeps running: an ECS service on Fargate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.applications import Application
from components.catalogue import Workload
from components.naming import Names
from components.settings import Settings

_GRACE_SECONDS = 120


@dataclass(frozen=True)
class ServiceArgs:
    """The workload, what it runs, and where.

    The load balancer reaches `application` at `target_group_arn`; give both or neither. Tasks register their addresses
    at `registry_arn`, if it is given. `most` is how many tasks can run at once while another version takes over.
    """

    names: Names
    settings: Settings
    workload: Workload
    task_definition_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    group_id: pulumi.Input[str]
    application: Application | None = None
    target_group_arn: pulumi.Input[str] | None = None
    registry_arn: pulumi.Input[str] | None = None
    most: int = 2


class Service(pulumi.ComponentResource):
    """A service with one task, or none while the platform is parked. ECS rolls back a deployment that fails.

    The update can succeed all the same, so compare afterwards what runs with the plan (`operations verify-services`).
    """

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:ecs:Service", name, None, opts)
        names, settings = args.names, args.settings
        target = args.application and args.target_group_arn
        aws.ecs.Service(
            name,
            name=names.resource(args.workload),
            cluster=names.cluster_arn(settings.cluster),
            task_definition=args.task_definition_arn,
            desired_count=0 if settings.parked else 1,
            launch_type="FARGATE",
            platform_version="LATEST",
            network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=list(args.subnet_ids), security_groups=[args.group_id], assign_public_ip=False
            ),
            load_balancers=[
                aws.ecs.ServiceLoadBalancerArgs(
                    container_name=args.workload.value,
                    container_port=args.application.port,
                    target_group_arn=args.target_group_arn,
                )
            ]
            if args.application and target
            else [],
            service_registries=aws.ecs.ServiceServiceRegistriesArgs(registry_arn=args.registry_arn)
            if args.registry_arn
            else None,
            health_check_grace_period_seconds=_GRACE_SECONDS if target else None,
            deployment_circuit_breaker=aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
            deployment_minimum_healthy_percent=0 if args.most == 1 else 100,
            deployment_maximum_percent=100 * args.most,
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            # Tasks read secrets only when they start.
            force_new_deployment=True,
            triggers={"secretsRevision": str(settings.secrets_revision)},
            wait_for_steady_state=True,
            tags=names.tags(args.workload),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
