"""Security groups of workloads: who has which, and who connects to whom, exactly as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each, sources
from policies.rulebook.security_groups import EGRESS_RULE, INGRESS_RULE, SECURITY_GROUP, planned_openings
from policies.workloads.kinds import DATABASE_CLUSTER, DATABASE_INSTANCE, FUNCTION, SERVICE

RULES: Final = Rules()

_SOURCE: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html"

_MARK: Final = re.compile("-[0-9a-f]{4}")
"""How the name of a group may end, so that what replaces it has another one."""

_WEARERS: Final[Mapping[frozenset[str], tuple[str, str]]] = {
    SERVICE: ("name", "networkConfiguration.securityGroups"),
    DATABASE_CLUSTER: ("clusterIdentifier", "vpcSecurityGroupIds"),
    DATABASE_INSTANCE: ("identifier", "vpcSecurityGroupIds"),
    FUNCTION: ("name", "vpcConfig.securityGroupIds"),
}
"""Types of what has security groups -> the property that names it, and the list of its groups."""
_HAVE_GROUPS: Final = frozenset[str]().union(*_WEARERS)


@RULES.stack(
    "undeclared-group",
    title="A workload has the security group that is declared for it, and no other workload's.",
    remedy="Give it its own group and no other, or declare the group in the program and run `make docs`.",
    source=_SOURCE,
    severity=Severity.HIGH,
    config={
        "groups": {
            "type": "object",
            "description": "Name of a service, database or function -> name of its security group, without the mark "
            "of four digits; those that aren't named have none",
            "default": {},
        }
    },
)
@for_each(_HAVE_GROUPS)
def _undeclared_group(stack: Stack, workload: Resource, judgement: Judgement) -> Iterator[str]:
    name, path = _properties(workload)
    declared = judgement.config["groups"].get(workload.text(name))
    groups = sources(stack, workload, path.partition(".")[0], SECURITY_GROUP)
    given = workload.get(path)
    if declared is None and (groups or (isinstance(given, list) and given)):
        yield f"`{path}` isn't empty, and no group is declared for it."
    elif declared is not None and not (len(groups) == 1 and declared in _names(groups[0])):
        yield f"`{path}` isn't the one group that is declared for it, `{declared}`."


@RULES.resource(
    "several-groups",
    title="A workload has no more than one security group.",
    remedy="Give it its own group, and add what it connects to to that group's rules.",
    source=_SOURCE,
    severity=Severity.MEDIUM,
    types=_HAVE_GROUPS,
)
def _several_groups(workload: Resource, _: Judgement) -> Iterator[Finding]:
    path = _properties(workload)[1]
    # Where one of them is unknown, the provider answers the list as one unknown: only the inputs tell how many.
    if len(workload.items(path)) > 1:
        yield Finding(f"`{path}` has more than one.")


def _properties(workload: Resource) -> tuple[str, str]:
    return next(properties for types, properties in _WEARERS.items() if workload.type in types)


def _names(group: Resource) -> tuple[str, str]:
    """Return what a group may be declared as: its name, with and without the mark."""
    name = group.text("name")
    return name, name[:-5] if _MARK.fullmatch(name[-5:]) else name


@RULES.stack(
    "undeclared-connection",
    title="Security groups connect to one another as declared, and on no other port.",
    remedy="Name the declared group and port, or declare the connection in the program and run `make docs`.",
    source=_SOURCE,
    severity=Severity.HIGH,
    config={
        "connections": {
            "type": "object",
            "description": "Name of a security group, without the mark of four digits -> `GROUP:PORT` of those that "
            "connect to it",
            "default": {},
        }
    },
)
@for_each(INGRESS_RULE | EGRESS_RULE)
def _undeclared_connection(stack: Stack, rule: Resource, judgement: Judgement) -> Iterator[str]:
    own = sources(stack, rule, "securityGroupId", SECURITY_GROUP)
    others = sources(stack, rule, "referencedSecurityGroupId", SECURITY_GROUP)
    callers, called = (own, others) if rule.type in EGRESS_RULE else (others, own)
    declared = {
        (caller, group) for group, connections in judgement.config["connections"].items() for caller in connections
    }
    # What leads elsewhere is judged by `wide-egress`, `wide-ingress` and who agrees to networks.
    for caller, group in product(callers, called):
        for opening in rule.shared(planned_openings):
            ports = {*opening.ports} if opening.protocol == "tcp" and opening.ports else {None}
            meant = {(f"{one}:{port}", other) for one in _names(caller) for other in _names(group) for port in ports}
            if len(ports) > 1 or not meant & declared:
                yield f"In {opening.place}, `{caller.name}` connects to `{group.name}` in a way that isn't declared."
