"""Reads security groups and their rules: what each of them opens, in whichever form the program writes it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from policies.rulebook.resource import UNKNOWN, Properties, Resource, Unjudgeable

SECURITY_GROUP: Final = frozenset(
    ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
)
GROUP_RULE: Final = frozenset(("aws:ec2/securityGroupRule:SecurityGroupRule",))
INGRESS_RULE: Final = frozenset(("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",))
EGRESS_RULE: Final = frozenset(("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",))
OPENS: Final = SECURITY_GROUP | GROUP_RULE | INGRESS_RULE | EGRESS_RULE
"""Types that can open ports."""

_PRIVATE: Final = tuple(
    ipaddress.ip_network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Addresses that can't be reached from the internet: RFC 1918, RFC 6598, RFC 4193."""

Direction: TypeAlias = Literal["ingress", "egress"]


@dataclass(frozen=True)
class Opening:
    """One rule of a security group.

    `place` says where it is written, for messages. `ports` are the first and the last, None for all. `others` says
    whether it names other security groups or its own.
    """

    place: str
    direction: Direction
    protocol: str
    ports: tuple[int, int] | None
    addresses: tuple[str, ...]
    prefix_lists: tuple[str, ...]
    others: bool


def openings(resource: Resource) -> tuple[Opening, ...]:
    """Return what a security group, or a rule of one, opens.

    Raises:
        Unjudgeable: something in it is unknown or malformed; the id of another security group may be unknown.
    """
    if resource.type in SECURITY_GROUP:
        directions: tuple[Direction, ...] = ("ingress", "egress")
        return tuple(
            _classic(rule, f"`{rule.path}`", direction, "securityGroups")
            for direction in directions
            for rule in resource.parts(direction)
        )
    if resource.type in GROUP_RULE:
        match resource.text("type"):
            case "ingress" | "egress" as direction:
                return (_classic(resource, "this rule", direction, "sourceSecurityGroupId"),)
        raise Unjudgeable("type", "is neither ingress nor egress", resource.urn)
    addresses = [resource.text_or_none(name) for name in ("cidrIpv4", "cidrIpv6")]
    prefix_list = resource.text_or_none("prefixListId")
    return (
        Opening(
            place="this rule",
            direction="ingress" if resource.type in INGRESS_RULE else "egress",
            protocol=resource.text("ipProtocol"),
            ports=_ports(resource),
            addresses=tuple(address for address in addresses if address is not None),
            prefix_lists=() if prefix_list is None else (prefix_list,),
            others=resource.get("referencedSecurityGroupId") is not None,
        ),
    )


def _classic(rule: Properties, place: str, direction: Direction, group: str) -> Opening:
    """Return a rule that is written in the older form; `group` is the property that names other security groups."""
    return Opening(
        place=place,
        direction=direction,
        protocol=rule.text("protocol"),
        ports=_ports(rule),
        addresses=(*rule.texts("cidrBlocks"), *rule.texts("ipv6CidrBlocks")),
        prefix_lists=tuple(rule.texts("prefixListIds")),
        # A group that was read back from AWS has an empty list where it names none.
        others=rule.get(group) not in (None, [], "") or rule.flag("self", default=False),
    )


def _ports(rule: Properties) -> tuple[int, int] | None:
    first, last = rule.number_or_none("fromPort"), rule.number_or_none("toPort")
    return None if first is None or last is None else (int(first), int(last))


def is_private(address: str) -> bool:
    """Tell whether all addresses of a CIDR block are private; False for a text that isn't a block.

    >>> [is_private(block) for block in ("10.1.0.0/16", "10.0.0.0/7", "0.0.0.0/0", "::/0", "fd00::/8", "all")]
    [True, False, False, False, True, False]
    """
    try:
        block = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return False
    return any(block.version == private.version and block.subnet_of(private) for private in _PRIVATE)  # type: ignore[arg-type]


def planned_openings(resource: Resource) -> tuple[Opening, ...]:
    """Return what a security group opens, ignoring properties that are unknown as a whole.

    In a stack rule, a property that the program doesn't set is unknown. `open-ingress` judges the inputs, and refuses
    any that are unknown except the id of another security group.
    """
    return openings(
        replace(
            resource,
            properties={
                name: value
                for name, value in resource.properties.items()
                if value is not UNKNOWN or name in ("referencedSecurityGroupId", "sourceSecurityGroupId")
            },
        )
    )
