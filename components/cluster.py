"""The ECS cluster of the workloads that this program creates, and the private DNS names of its tasks."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.containers import PREFECT_API
from components.naming import Names


@dataclass(frozen=True)
class ClusterArgs:
    """The cluster's name, and the VPC in which the private names resolve."""

    names: Names
    cluster: str
    vpc_id: pulumi.Input[str]


class Cluster(pulumi.ComponentResource):
    """An ECS cluster with metrics of its tasks, and a namespace with the name of the Prefect API.

    Service Connect wouldn't do: it works only for tasks of services, and the deployer's task isn't one
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectConfiguration.html).
    """

    registry_arn: pulumi.Output[str]
    """The service registry in which the Prefect API's tasks register their addresses."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:ecs:Cluster", name, None, opts)
        names = args.names
        child = pulumi.ResourceOptions(parent=self)
        aws.ecs.Cluster(
            name,
            name=args.cluster,
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            tags=names.tags("cluster"),
            opts=child,
        )
        namespace = aws.servicediscovery.PrivateDnsNamespace(
            name,
            name=names.namespace,
            description=f"Tasks of {names.environment}",
            vpc=args.vpc_id,
            tags=names.tags("cluster"),
            opts=child,
        )
        registry = aws.servicediscovery.Service(
            names.resource(PREFECT_API),
            name=PREFECT_API,
            namespace_id=namespace.id,
            dns_config=aws.servicediscovery.ServiceDnsConfigArgs(
                namespace_id=namespace.id,
                dns_records=[aws.servicediscovery.ServiceDnsConfigDnsRecordArgs(type="A", ttl=10)],
                routing_policy="MULTIVALUE",
            ),
            tags=names.tags("cluster"),
            opts=child,
        )
        self.registry_arn = registry.arn
        self.register_outputs({"name": args.cluster})
