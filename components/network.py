"""The network of the workloads that this program creates: a VPC over two zones, and its routes to the internet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.address_plan import Kind, SubnetPlan, subnet_plans
from components.naming import Names
from components.settings import Settings

_EVERYWHERE: Final = "0.0.0.0/0"


@dataclass(frozen=True)
class NetworkArgs:
    """The settings give the VPC's addresses and zones, and the number of NAT gateways; a parked platform has none."""

    names: Names
    settings: Settings


class Network(pulumi.ComponentResource):
    """A VPC with public, private and database subnets in two zones.

    Public subnets have a route to the internet gateway. Private ones have routes to a NAT gateway, and to S3 by a
    gateway endpoint, which is free and carries image layers. Database subnets have no route out of the VPC.
    """

    vpc_id: pulumi.Output[str]
    subnet_ids: Mapping[Kind, list[pulumi.Output[str]]]
    outward: list[pulumi.Resource]
    """The connections of the private subnets to the internet; without them, a starting task can't pull its image."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:network:Network", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=settings.vpc_cidr,
            # A private namespace of Cloud Map needs both options:
            # https://docs.aws.amazon.com/cloud-map/latest/dg/creating-namespaces.html
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=_tags(names, "vpc"),
            opts=child,
        )
        # A resource that is created without a group gets this one: it has no rule.
        aws.ec2.DefaultSecurityGroup(
            name, vpc_id=vpc.id, ingress=[], egress=[], tags=_tags(names, "closed"), opts=child
        )
        gateway = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags=_tags(names, "internet"), opts=child)
        plans = subnet_plans(settings.vpc_cidr, settings.zones)
        subnets = {
            plan: aws.ec2.Subnet(
                names.resource(plan.kind, plan.zone),
                vpc_id=vpc.id,
                availability_zone=f"{names.region}{plan.zone}",
                cidr_block=plan.cidr,
                map_public_ip_on_launch=False,
                tags=_tags(names, plan.kind, plan.zone),
                opts=child,
            )
            for plan in plans
        }
        public = self._route_table(names, vpc, ("public",), [subnets[plan] for plan in plans if plan.kind == "public"])
        aws.ec2.Route(
            names.resource("public"),
            route_table_id=public.id,
            destination_cidr_block=_EVERYWHERE,
            gateway_id=gateway.id,
            opts=child,
        )
        self._route_table(names, vpc, ("database",), [subnets[plan] for plan in plans if plan.kind == "database"])
        private = {
            plan.zone: self._route_table(names, vpc, ("private", plan.zone), [subnet])
            for plan, subnet in subnets.items()
            if plan.kind == "private"
        }
        aws.ec2.VpcEndpoint(
            names.resource("s3"),
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{names.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id for table in private.values()],
            tags=_tags(names, "s3"),
            opts=child,
        )
        self.outward = [] if settings.parked else self._nat_gateways(args, subnets, private, gateway)
        self.vpc_id = vpc.id
        kinds: tuple[Kind, ...] = ("public", "private", "database")
        self.subnet_ids = {kind: [subnets[plan].id for plan in plans if plan.kind == kind] for kind in kinds}
        self.register_outputs({"vpcId": self.vpc_id})

    def _route_table(
        self, names: Names, vpc: aws.ec2.Vpc, parts: tuple[str, ...], subnets: list[aws.ec2.Subnet]
    ) -> aws.ec2.RouteTable:
        """Return the route table of the given subnets; without further routes it leads to the VPC only."""
        child = pulumi.ResourceOptions(parent=self)
        table = aws.ec2.RouteTable(names.resource(*parts), vpc_id=vpc.id, tags=_tags(names, *parts), opts=child)
        for number, subnet in enumerate(subnets, 1):
            aws.ec2.RouteTableAssociation(
                names.resource(*parts, str(number)), route_table_id=table.id, subnet_id=subnet.id, opts=child
            )
        return table

    def _nat_gateways(
        self,
        args: NetworkArgs,
        subnets: Mapping[SubnetPlan, aws.ec2.Subnet],
        private: Mapping[str, aws.ec2.RouteTable],
        gateway: aws.ec2.InternetGateway,
    ) -> list[pulumi.Resource]:
        """Return the private subnets' routes to NAT gateways. With one gateway, both zones use it."""
        names, settings = args.names, args.settings
        connected = pulumi.ResourceOptions(parent=self, depends_on=[gateway])
        gateways = {}
        for zone in settings.zones[: settings.nat_gateways]:
            address = aws.ec2.Eip(
                names.resource("nat", zone), domain="vpc", tags=_tags(names, "nat", zone), opts=connected
            )
            gateways[zone] = aws.ec2.NatGateway(
                names.resource("nat", zone),
                allocation_id=address.id,
                subnet_id=next(
                    subnet.id for plan, subnet in subnets.items() if (plan.kind, plan.zone) == ("public", zone)
                ),
                tags=_tags(names, "nat", zone),
                opts=connected,
            )
        first = settings.zones[0]
        return [
            aws.ec2.Route(
                names.resource("private", zone),
                route_table_id=table.id,
                destination_cidr_block=_EVERYWHERE,
                nat_gateway_id=gateways.get(zone, gateways[first]).id,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for zone, table in private.items()
        ]


def _tags(names: Names, *parts: str) -> dict[str, str]:
    """Return the tags of a part of the network, with the name that the console shows."""
    return {**names.tags("network"), "Name": names.resource(*parts)}
