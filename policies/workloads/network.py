"""The network of workloads: closed by default, logged, and out of the internet's way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each, named_sources, sources, users
from policies.rulebook.security_groups import EGRESS_RULE, GROUP_RULE, INGRESS_RULE, OPENS, is_private, openings
from policies.workloads.kinds import (
    CLUSTER_INSTANCE,
    DATABASE_CLUSTER,
    DATABASE_INSTANCE,
    DEFAULT_GROUP,
    FLOW_LOG,
    INTERNET_GATEWAY,
    NAT_GATEWAY,
    PARAMETER,
    ROUTE,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SERVICE,
    SUBNET,
    SUBNET_GROUP,
    TASK_SET,
    VPC,
)

RULES: Final = Rules()

_VPC: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/"
_CONTROLS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html"


@RULES.resource(
    "default-group-open",
    title="A VPC's default security group has no rule.",
    remedy="Leave `ingress` and `egress` of the default group empty, and give what runs in the VPC groups of its own.",
    source=_CONTROLS + "#ec2-2",
    severity=Severity.HIGH,
    types=DEFAULT_GROUP,
)
def _open_default(group: Resource, _: Judgement) -> Iterator[Finding]:
    for direction in ("ingress", "egress"):
        if group.items(direction):
            yield Finding(f"`{direction}` has rules, which hold for whatever is made without a group of its own.")


@RULES.stack(
    "default-group-kept",
    title="The default security group of each VPC is taken over, so that it can be emptied.",
    remedy="Add a `DefaultSecurityGroup` for the VPC, without rules and with none that name it.",
    source=_CONTROLS + "#ec2-2",
    severity=Severity.HIGH,
)
@for_each(VPC)
def _kept_default(stack: Stack, vpc: Resource, _: Judgement) -> Iterator[str]:
    groups = users(stack, vpc, "vpcId", DEFAULT_GROUP)
    if not groups:
        yield "Its default security group stays as AWS makes it: all its members may connect to one another."
    for group in groups:
        if users(stack, group, "securityGroupId", GROUP_RULE | INGRESS_RULE | EGRESS_RULE):
            yield "A rule is added to its default security group."


@RULES.stack(
    "network-without-flow-logs",
    title="Each VPC logs its connections, accepted and rejected ones.",
    remedy="Add a `FlowLog` with the VPC's id and `trafficType` `ALL`.",
    source=_CONTROLS + "#ec2-6",
    severity=Severity.MEDIUM,
)
@for_each(VPC)
def _unlogged(stack: Stack, vpc: Resource, _: Judgement) -> Iterator[str]:
    logs = users(stack, vpc, "vpcId", FLOW_LOG)
    if not any(log.text("trafficType") == "ALL" for log in logs):
        yield "No flow log of this stack takes all of its traffic."


@RULES.stack(
    "workload-in-public-subnet",
    title="Databases and tasks stand in subnets that lead to no internet gateway, databases in ones that lead nowhere.",
    remedy="Give it private subnets: those of services lead to a NAT gateway, those of databases nowhere.",
    source=_VPC + "configure-subnets.html",
    severity=Severity.HIGH,
)
@for_each(SERVICE | TASK_SET | DATABASE_CLUSTER | CLUSTER_INSTANCE | DATABASE_INSTANCE | PARAMETER)
def _in_public(stack: Stack, workload: Resource, _: Judgement) -> Iterator[str]:
    # Tasks that somebody starts stand where a parameter says.
    subnets = [
        subnet
        for path in ("networkConfiguration", "insecureValue")
        for subnet in sources(stack, workload, path, SUBNET)
    ]
    for group in named_sources(stack, workload, "dbSubnetGroupName", SUBNET_GROUP):
        for subnet in sources(stack, group, "subnetIds", SUBNET):
            subnets.append(subnet)
            if any(sources(stack, route, "natGatewayId", NAT_GATEWAY) for route in _routes(stack, subnet)):
                yield f"Its subnet `{subnet.name}` leads to a NAT gateway, and a database connects to nobody."
    for subnet in subnets:
        if _leads_to_internet(stack, subnet):
            yield f"Its subnet `{subnet.name}` leads to an internet gateway."


def _tables(stack: Stack, subnet: Resource) -> list[Resource]:
    """Return the route tables of a subnet."""
    associations = users(stack, subnet, "subnetId", ROUTE_TABLE_ASSOCIATION)
    return [table for one in associations for table in sources(stack, one, "routeTableId", ROUTE_TABLE)]


def _routes(stack: Stack, subnet: Resource) -> list[Resource]:
    """Return the routes of a subnet's route tables."""
    return [route for table in _tables(stack, subnet) for route in users(stack, table, "routeTableId", ROUTE)]


def _leads_to_internet(stack: Stack, subnet: Resource) -> bool:
    """Tell whether a route of a subnet's route table names an internet gateway."""
    return any(_names_gateway(stack, route, "gatewayId") for route in _routes(stack, subnet)) or any(
        sources(stack, table, "routes", INTERNET_GATEWAY) for table in _tables(stack, subnet)
    )


def _names_gateway(stack: Stack, route: Resource, path: str) -> bool:
    given = route.get(path)
    return bool(sources(stack, route, path, INTERNET_GATEWAY)) or (isinstance(given, str) and given.startswith("igw-"))


@RULES.resource(
    "wide-ingress",
    title="Security groups let in other groups, and no addresses.",
    remedy="Name the security group of what connects: a block of addresses lets in whatever gets one of them.",
    source=_VPC + "security-group-rules.html",
    severity=Severity.MEDIUM,
    types=OPENS - EGRESS_RULE,
)
def _wide_ingress(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for opening in openings(resource):
        if opening.direction == "ingress" and opening.addresses:
            yield Finding(f"In {opening.place}, addresses are let in: {', '.join(opening.addresses)}.")


@RULES.resource(
    "wide-egress",
    title="Security groups let workloads out to the internet on named ports only.",
    remedy="Name TCP and one of the accepted ports, or lead the rule to a security group or a private address block.",
    source=_VPC + "security-group-rules.html",
    severity=Severity.MEDIUM,
    types=OPENS - INGRESS_RULE,
    config={
        "ports": {
            "type": "array",
            "items": {"type": "integer"},
            # 7687 is Bolt, which Neo4j Aura speaks: https://neo4j.com/docs/aura/security/secure-connections/
            "description": "TCP ports of the internet that workloads may connect to",
            "default": [443, 7687],
        }
    },
)
def _wide_egress(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    accepted = {(int(port), int(port)) for port in judgement.config["ports"]}
    for opening in openings(resource):
        outward = opening.direction == "egress" and not all(map(is_private, opening.addresses))
        if outward and not (opening.protocol == "tcp" and opening.ports in accepted):
            ports = ", ".join(str(first) for first, _ in sorted(accepted))
            yield Finding(f"In {opening.place}, the internet is reached on more than one of the TCP ports {ports}.")
