"""The network of entry points and tasks, created by this program or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.applications import PIPELINES, PORTAL, Application
from components.settings import Settings


@dataclass(frozen=True)
class Surroundings:
    """A VPC with its subnets, and the security groups of the workloads in it.

    `vpc_mark` stands for the VPC in names that follow from it: its id, or known values of a VPC that has no id yet.
    """

    vpc_id: pulumi.Input[str]
    vpc_mark: str
    public_subnet_ids: Sequence[pulumi.Input[str]]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    targets: Mapping[Application, pulumi.Input[str]]
    """Application -> id of its service's security group."""
    deployer_group_id: pulumi.Input[str]


def given_surroundings(settings: Settings) -> Surroundings:
    """Return the network that the settings name."""
    return Surroundings(
        vpc_id=settings.vpc_id,
        vpc_mark=settings.vpc_id,
        public_subnet_ids=settings.public_subnet_ids,
        private_subnet_ids=settings.private_subnet_ids,
        targets={
            PORTAL: settings.backstage_security_group_id,
            PIPELINES: settings.prefect_security_group_id,
        },
        deployer_group_id=settings.deployer_security_group_id,
    )
