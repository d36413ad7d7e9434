"""The security groups of the workloads that this program creates: their connections to each other and the internet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.members import FLOWS, OUTWARD, TARGETS, Flow, Member
from components.naming import Names


@dataclass(frozen=True)
class ServiceGroupsArgs:
    """The VPC, and its mark in the groups' names."""

    names: Names
    vpc_id: pulumi.Input[str]
    vpc_mark: str


class ServiceGroups(pulumi.ComponentResource):
    """One security group for each member, with a rule at both ends of each flow and no other rule.

    The VPC's own resolver answers DNS queries, and security groups don't filter those:
    https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    """

    ids: Mapping[Member, pulumi.Output[str]]

    def __init__(self, name: str, args: ServiceGroupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:network:ServiceGroups", name, None, opts)
        names = args.names
        child = pulumi.ResourceOptions(parent=self)
        self.ids = {
            member: aws.ec2.SecurityGroup(
                names.resource(member),
                # AWS doesn't delete a group that a task uses, and a change of either value replaces the group.
                name=names.replaceable(member, _description(member), args.vpc_mark),
                description=_description(member),
                vpc_id=args.vpc_id,
                tags=names.tags(member),
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
            ).id
            for member in Member
        }
        for flow in FLOWS:
            self._connect(names, flow)
        for member, ports in OUTWARD.items():
            for port, what in ports.items():
                aws.vpc.SecurityGroupEgressRule(
                    names.resource(member, "to", str(port)),
                    security_group_id=self.ids[member],
                    cidr_ipv4="0.0.0.0/0",
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    description=what,
                    tags=names.tags(member),
                    opts=child,
                )
        self.register_outputs({"ids": {member.value: id_ for member, id_ in self.ids.items()}})

    def admit(
        self, names: Names, load_balancer_group_id: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Let the load balancer, whose group is created after these, connect to its targets."""
        for application, member in TARGETS.items():
            aws.vpc.SecurityGroupIngressRule(
                names.resource(member, "from-load-balancer"),
                security_group_id=self.ids[member],
                referenced_security_group_id=load_balancer_group_id,
                ip_protocol="tcp",
                from_port=application.port,
                to_port=application.port,
                description="Load balancer",
                tags=names.tags(member),
                opts=opts,
            )

    def _connect(self, names: Names, flow: Flow) -> None:
        child = pulumi.ResourceOptions(parent=self)
        aws.vpc.SecurityGroupEgressRule(
            names.resource(flow.source, "to", flow.target),
            security_group_id=self.ids[flow.source],
            referenced_security_group_id=self.ids[flow.target],
            ip_protocol="tcp",
            from_port=flow.port,
            to_port=flow.port,
            description=f"To {flow.target}",
            tags=names.tags(flow.source),
            opts=child,
        )
        aws.vpc.SecurityGroupIngressRule(
            names.resource(flow.target, "from", flow.source),
            security_group_id=self.ids[flow.target],
            referenced_security_group_id=self.ids[flow.source],
            ip_protocol="tcp",
            from_port=flow.port,
            to_port=flow.port,
            description=f"From {flow.source}",
            tags=names.tags(flow.target),
            opts=child,
        )


def _description(member: Member) -> str:
    return f"Tasks of {member}" if member is not Member.DATABASE else "The database"
