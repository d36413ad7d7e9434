"""The network of workloads: closed by default, logged, and out of the internet's reach."""

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
    title="A VPC's default security group has no rules.",
    remedy="Leave `ingress` and `egress` of the default group empty, and give workloads in the VPC their own groups.",
    source=_CONTROLS + "#ec2-2",
    severity=Severity.HIGH,
    types=DEFAULT_GROUP,
)
def _open_default(group: Resource, _: Judgement) -> Iterator[Finding]:
    for direction in ("ingress", "egress"):
        if group.items(direction):
            yield Finding(f"`{direction}` has rules, which apply to every resource without a group of its own.")


@RULES.stack(
    "default-group-kept",
    title="The stack takes over the default security group of each VPC and keeps it empty.",
    remedy="Add a `DefaultSecurityGroup` without rules for the VPC, and no rule resources for that group.",
    source=_CONTROLS + "#ec2-2",
    severity=Severity.HIGH,
)
@for_each(VPC)
def _kept_default(stack: Stack, vpc: Resource, _: Judgement) -> Iterator[str]:
    groups = users(stack, vpc, "vpcId", DEFAULT_GROUP)
    if not groups:
        yield "Its default security group stays as AWS creates it: all its members can connect to one another."
    for group in groups:
        if users(stack, group, "securityGroupId", GROUP_RULE | INGRESS_RULE | EGRESS_RULE):
            yield "A rule resource adds a rule to its default security group."


@RULES.stack(
    "network-without-flow-logs",
    title="Each VPC logs its accepted and rejected connections.",
    remedy="Add a `FlowLog` with the VPC's id and `trafficType` `ALL`.",
    source=_CONTROLS + "#ec2-6",
    severity=Severity.MEDIUM,
)
@for_each(VPC)
def _unlogged(stack: Stack, vpc: Resource, _: Judgement) -> Iterator[str]:
    logs = users(stack, vpc, "vpcId", FLOW_LOG)
    if not any(log.text("trafficType") == "ALL" for log in logs):
        yield "No flow log of this stack records all of its traffic."


@RULES.stack(
    "workload-in-public-subnet",
    title="Tasks and databases are in subnets without a route to an internet gateway, databases also without NAT.",
    remedy="Give it private subnets: for services with a route to a NAT gateway, for databases without any route out.",
    source=_VPC + "configure-subnets.html",
    severity=Severity.HIGH,
)
@for_each(SERVICE | TASK_SET | DATABASE_CLUSTER | CLUSTER_INSTANCE | DATABASE_INSTANCE | PARAMETER)
def _in_public(stack: Stack, workload: Resource, _: Judgement) -> Iterator[str]:
    # One-off tasks run in the subnets that a parameter names.
    subnets = [
        subnet
        for path in ("networkConfiguration", "insecureValue")
        for subnet in sources(stack, workload, path, SUBNET)
    ]
    for group in named_sources(stack, workload, "dbSubnetGroupName", SUBNET_GROUP):
        for subnet in sources(stack, group, "subnetIds", SUBNET):
            subnets.append(subnet)
            if any(sources(stack, route, "natGatewayId", NAT_GATEWAY) for route in _routes(stack, subnet)):
                yield f"Its subnet `{subnet.name}` has a route to a NAT gateway, which no database needs."
    for subnet in subnets:
        if _leads_to_internet(stack, subnet):
            yield f"Its subnet `{subnet.name}` has a route to an internet gateway."


def _tables(stack: Stack, subnet: Resource) -> list[Resource]:
    """Return the route tables of a subnet."""
    associations = users(stack, subnet, "subnetId", ROUTE_TABLE_ASSOCIATION)
    return [table for one in associations for table in sources(stack, one, "routeTableId", ROUTE_TABLE)]


def _routes(stack: Stack, subnet: Resource) -> list[Resource]:
    """Return the routes of a subnet's route tables."""
    return [route for table in _tables(stack, subnet) for route in users(stack, table, "routeTableId", ROUTE)]


def _leads_to_internet(stack: Stack, subnet: Resource) -> bool:
    """Tell whether a route in a subnet's route tables leads to an internet gateway."""
    return any(_names_gateway(stack, route, "gatewayId") for route in _routes(stack, subnet)) or any(
        sources(stack, table, "routes", INTERNET_GATEWAY) for table in _tables(stack, subnet)
    )


def _names_gateway(stack: Stack, route: Resource, path: str) -> bool:
    given = route.get(path)
    return bool(sources(stack, route, path, INTERNET_GATEWAY)) or (isinstance(given, str) and given.startswith("igw-"))


@RULES.resource(
    "wide-ingress",
    title="Security groups allow ingress from other groups, not from addresses.",
    remedy="Name the security group of the client: a block of addresses lets in any resource that gets one of them.",
    source=_VPC + "security-group-rules.html",
    severity=Severity.MEDIUM,
    types=OPENS - EGRESS_RULE,
)
def _wide_ingress(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for opening in openings(resource):
        if opening.direction == "ingress" and opening.addresses:
            yield Finding(f"In {opening.place}, addresses are allowed: {', '.join(opening.addresses)}.")


@RULES.resource(
    "wide-egress",
    title="Security groups let workloads reach the internet on accepted ports only.",
    remedy="Allow TCP on one of the accepted ports, or limit the rule to a security group or a private address block.",
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
            yield Finding(f"In {opening.place}, the internet can be reached on more than one of the TCP ports {ports}.")
