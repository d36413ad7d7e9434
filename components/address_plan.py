"""How the addresses of a VPC are divided among its subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["public", "private", "database"]
"""What a subnet is for: load balancer and NAT gateways, tasks, or the database."""


@dataclass(frozen=True)
class SubnetPlan:
    """One subnet. `zone` is the letter that ends its availability zone's name."""

    kind: Kind
    zone: str
    cidr: str


def subnet_plans(vpc_cidr: str, zones: Sequence[str]) -> list[SubnetPlan]:
    """Divide a block of 65,536 addresses: each of two zones gets 256 public, 256 database and 4,096 private ones.

    >>> for plan in subnet_plans("10.20.0.0/16", "ab"): print(plan.kind, plan.zone, plan.cidr)
    public a 10.20.0.0/24
    public b 10.20.1.0/24
    database a 10.20.2.0/24
    database b 10.20.3.0/24
    private a 10.20.16.0/20
    private b 10.20.32.0/20
    """
    block = ipaddress.IPv4Network(vpc_cidr)
    small, large = list(block.subnets(new_prefix=24)), list(block.subnets(new_prefix=20))
    blocks: list[tuple[Kind, Sequence[ipaddress.IPv4Network]]] = [
        ("public", small[:2]),
        ("database", small[2:4]),
        ("private", large[1:3]),
    ]
    return [
        SubnetPlan(kind, zone, str(part)) for kind, parts in blocks for zone, part in zip(zones, parts, strict=True)
    ]
