"""Workloads are connected with groups, tasks, targets and hosts exactly as declared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each, sources
from policies.rulebook.listener_rules import hosts
from policies.rulebook.security_groups import EGRESS_RULE, INGRESS_RULE, SECURITY_GROUP, planned_openings
from policies.workloads.kinds import (
    DATABASE_CLUSTER,
    DATABASE_INSTANCE,
    FUNCTION,
    LISTENER_RULE,
    LOAD_BALANCER,
    PARAMETER,
    REGISTRY,
    SERVICE,
    TARGET_GROUP,
    TASK_DEFINITION,
)

RULES: Final = Rules()

_SOURCE: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html"

_MARK: Final = re.compile("-[0-9a-f]{4}")
"""A suffix that names can have, so that a replacement has another name than the resource that it replaces."""

_WIRED: Final[Mapping[frozenset[str], tuple[str, tuple[str, ...]]]] = {
    SERVICE: ("name", ("networkConfiguration", "taskDefinition", "loadBalancers", "serviceRegistries")),
    DATABASE_CLUSTER: ("clusterIdentifier", ("vpcSecurityGroupIds",)),
    DATABASE_INSTANCE: ("identifier", ("vpcSecurityGroupIds",)),
    FUNCTION: ("name", ("vpcConfig",)),
    PARAMETER: ("name", ("insecureValue",)),
}
"""Types whose wiring is judged -> the property with their name, and the properties that refer to other resources."""
_CALLED: Final[Mapping[frozenset[str], str]] = {
    SECURITY_GROUP: "name",
    TASK_DEFINITION: "family",
    TARGET_GROUP: "name",
    REGISTRY: "name",
    DATABASE_CLUSTER: "clusterIdentifier",
    LOAD_BALANCER: "name",
}
"""Types that they can refer to -> the property with their name."""


@RULES.stack(
    "undeclared-wiring",
    title="Workloads, and the parameters that tasks read, refer to exactly the security groups, tasks, targets and "
    "hosts that are declared for them.",
    remedy="Refer to the workload's own resources only, or declare the others in the program and run `make docs`.",
    source=_SOURCE,
    severity=Severity.HIGH,
    config={
        "wires": {
            "type": "object",
            "description": "Name of a service, database, function or parameter -> property -> names of the resources "
            "that it refers to, without a suffix of four hexadecimal digits; a property that isn't named refers to "
            "nothing",
            "default": {},
        }
    },
)
@for_each(frozenset[str]().union(*_WIRED))
def _undeclared_wiring(stack: Stack, resource: Resource, judgement: Judgement) -> Iterator[str]:
    name, properties = next(wired for types, wired in _WIRED.items() if resource.type in types)
    declared = judgement.config["wires"].get(resource.text(name), {})
    for path in properties:
        wanted = declared.get(path, [])
        found = [
            _names(other.text(called))
            for types, called in _CALLED.items()
            for other in sources(stack, resource, path, types)
        ]
        if len(found) != len(wanted) or not all(any(one in names for one in wanted) for names in found):
            said = ", ".join(f"`{one}`" for one in wanted) or "nothing"
            yield f"`{path}` refers to something other than what is declared: {said}."


@RULES.stack(
    "undeclared-route",
    title="A host is forwarded only to the targets that are declared for it.",
    remedy="Forward the host to its own application's target group, or declare it in the program and run `make docs`.",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html",
    severity=Severity.HIGH,
    config={
        "routes": {
            "type": "object",
            "description": "Host -> name of its target group, without a suffix of four hexadecimal digits",
            "default": {},
        }
    },
)
@for_each(LISTENER_RULE)
def _undeclared_route(stack: Stack, rule: Resource, judgement: Judgement) -> Iterator[str]:
    for host, group in product(hosts(rule), sources(stack, rule, "actions", TARGET_GROUP)):
        declared = judgement.config["routes"].get(host)
        if declared not in _names(group.text("name")):
            yield f"A host is forwarded to `{group.name}`; declared: {f'`{declared}`' if declared else 'nothing'}."


def _names(name: str) -> tuple[str, str]:
    """Return the names under which a resource can be declared: its name with and without the suffix."""
    return name, name[:-5] if _MARK.fullmatch(name[-5:]) else name


_GROUPS: Final[Mapping[frozenset[str], str]] = {
    SERVICE: "networkConfiguration.securityGroups",
    DATABASE_CLUSTER: "vpcSecurityGroupIds",
    DATABASE_INSTANCE: "vpcSecurityGroupIds",
    FUNCTION: "vpcConfig.securityGroupIds",
}


@RULES.resource(
    "several-groups",
    title="A workload has at most one security group.",
    remedy="Give it its own group, and add its connections to that group's rules.",
    source=_SOURCE,
    severity=Severity.MEDIUM,
    types=frozenset[str]().union(*_GROUPS),
)
def _several_groups(workload: Resource, _: Judgement) -> Iterator[Finding]:
    path = next(path for types, path in _GROUPS.items() if workload.type in types)
    # If one id is unknown, the provider returns the whole list as unknown, so only the inputs show how many there are.
    if len(workload.items(path)) > 1:
        yield Finding(f"`{path}` has more than one security group.")


@RULES.stack(
    "undeclared-connection",
    title="Security groups connect to one another only as declared.",
    remedy="Name the declared group and port, or declare the connection in the program and run `make docs`.",
    source=_SOURCE,
    severity=Severity.HIGH,
    config={
        "connections": {
            "type": "object",
            "description": "Name of a security group, without a suffix of four hexadecimal digits -> `GROUP:PORT` of "
            "the groups that connect to it",
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
    # Rules for addresses are judged by `wide-egress` and `wide-ingress`, and owners agree to networks in the inventory.
    for caller, group in product(callers, called):
        for opening in rule.shared(planned_openings):
            ports = {*opening.ports} if opening.protocol == "tcp" and opening.ports else {None}
            meant = {
                (f"{one}:{port}", other)
                for one in _names(caller.text("name"))
                for other in _names(group.text("name"))
                for port in ports
            }
            if len(ports) > 1 or not meant & declared:
                yield f"In {opening.place}, `{caller.name}` connects to `{group.name}` in a way that isn't declared."
