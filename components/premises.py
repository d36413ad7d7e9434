"""The network and the security groups of the workloads that this program creates."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.members import TARGETS, Member
from components.naming import Names
from components.network import Network, NetworkArgs
from components.service_groups import ServiceGroups, ServiceGroupsArgs
from components.settings import Settings
from components.surroundings import Surroundings


@dataclass(frozen=True)
class PremisesArgs:
    """The settings describe the network."""

    names: Names
    settings: Settings


class Premises(pulumi.ComponentResource):
    """The network with its security groups, also as the surroundings of entry points and tasks."""

    surroundings: Surroundings

    def __init__(self, name: str, args: PremisesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:network:Premises", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)
        self.network = Network(names.resource("network"), NetworkArgs(names, settings), child)
        # Another block of addresses means another VPC.
        self.groups = ServiceGroups(
            "groups", ServiceGroupsArgs(names, self.network.vpc_id, vpc_mark=settings.vpc_cidr), child
        )
        self.surroundings = Surroundings(
            vpc_id=self.network.vpc_id,
            vpc_mark=settings.vpc_cidr,
            public_subnet_ids=self.network.subnet_ids["public"],
            private_subnet_ids=self.network.subnet_ids["private"],
            targets={application: self.groups.ids[member] for application, member in TARGETS.items()},
            deployer_group_id=self.groups.ids[Member.PREFECT_DEPLOYER],
        )
        self.register_outputs({"vpcId": self.network.vpc_id})
