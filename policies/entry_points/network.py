"""Security groups: which traffic each of their rules allows, in whichever form the program writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from policies.entry_points.kinds import LOAD_BALANCER, TARGET_GROUP
from policies.rulebook import UNKNOWN, Finding, Judgement, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each, sources
from policies.rulebook.security_groups import (
    EGRESS_RULE,
    INGRESS_RULE,
    OPENS,
    SECURITY_GROUP,
    Opening,
    is_private,
    openings,
    planned_openings,
)

RULES: Final = Rules()

_BALANCING: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"


@RULES.resource(
    "open-ingress",
    title="No security group allows ingress from internet addresses.",
    remedy="Allow the load balancer's security group instead; for the load balancer, allow CloudFront's prefix list.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
    severity=Severity.CRITICAL,
    types=OPENS - EGRESS_RULE,
)
def _open(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for opening in openings(resource):
        if opening.direction == "ingress" and not all(is_private(address) for address in opening.addresses):
            yield Finding(f"In {opening.place}, an address block isn't private, so it lets the internet in.")


# --- the security groups of the load balancer ---


@RULES.stack(
    "unknown-security-group",
    title="This stack creates all security groups of a load balancer that faces the internet.",
    remedy="Give it a security group that this stack creates, and no other.",
    source=_BALANCING + "load-balancer-update-security-groups.html",
    severity=Severity.HIGH,
)
@for_each(LOAD_BALANCER)
def _unknown_groups(stack: Stack, balancer: Resource, _: Judgement) -> Iterator[str]:
    if balancer.get("internal") is True:
        return
    path = "securityGroups"
    groups = sources(stack, balancer, path, SECURITY_GROUP)
    behind = balancer.references.get(path, frozenset())
    # The provider returns the whole list as unknown if one id in it is. `mixed-security-groups` sees the list itself.
    count = len(groups) if balancer.get(path) is UNKNOWN else len(balancer.items(path))
    if not groups or not len(behind) == len(groups) == count:
        yield "It has a security group that this stack doesn't create, so the gate can't tell what that allows."


@RULES.resource(
    "mixed-security-groups",
    title="The security group ids of a load balancer that faces the internet are all known or all unknown at preview.",
    remedy="List only ids that are taken from this stack's security group resources.",
    source=_BALANCING + "load-balancer-update-security-groups.html",
    severity=Severity.HIGH,
    types=LOAD_BALANCER,
)
def _mixed_groups(balancer: Resource, _: Judgement) -> Iterator[Finding]:
    if balancer.get("internal") is True:
        return
    path = "securityGroups"
    groups = balancer.items(path)
    known = [balancer.text(f"{path}.{index}") for index, group in enumerate(groups) if group is not UNKNOWN]
    if known and len(known) < len(groups):
        yield Finding(
            f"`{path}` has known ids next to unknown ones. The provider returns the whole list as unknown, so the gate "
            "can't tell whether the known ids are this stack's."
        )


def _facing_groups(stack: Stack) -> tuple[Resource, ...]:
    """Return the security groups of load balancers that face the internet."""
    return tuple(
        group
        for balancer in stack.only(LOAD_BALANCER)
        if balancer.get("internal") is not True
        for group in sources(stack, balancer, "securityGroups", SECURITY_GROUP)
    )


def _guards_balancer(stack: Stack, resource: Resource) -> bool:
    """Tell whether a security group, or a rule of one, belongs to a load balancer that faces the internet."""
    is_group = resource.type in SECURITY_GROUP
    groups = [resource] if is_group else sources(stack, resource, "securityGroupId", SECURITY_GROUP)
    return any(group in stack.shared(_facing_groups) for group in groups)


@RULES.stack(
    "unguarded-ingress",
    title="The load balancer lets in only HTTPS from CloudFront's prefix list, and nothing else lets in a prefix list.",
    remedy="Allow TCP 443 from `com.amazonaws.global.cloudfront.origin-facing`, and remove the other rules.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/LocationsOfEdgeServers.html",
    severity=Severity.HIGH,
    config={
        "prefixLists": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Ids of CloudFront's prefix lists; empty for any list that this stack doesn't create",
            "default": [],
        }
    },
)
@for_each(OPENS - EGRESS_RULE)
def _ingress(stack: Stack, resource: Resource, judgement: Judgement) -> Iterator[str]:
    own = _guards_balancer(stack, resource)
    for opening in resource.shared(planned_openings):
        if opening.direction == "egress":
            continue
        if own and not _from_cloudfront(resource, opening, judgement.config["prefixLists"]):
            yield f"In {opening.place}, the load balancer allows more than HTTPS from CloudFront's prefix list."
        elif not own and opening.prefix_lists:
            yield f"In {opening.place}, a security group other than the load balancer's allows a prefix list."


def _from_cloudfront(resource: Resource, opening: Opening, accepted: Sequence[str]) -> bool:
    """Tell whether an opening allows HTTPS from prefix lists that this stack doesn't create, and nothing else."""
    made_here = any(resource.references.get(path) for path in ("prefixListId", "prefixListIds"))
    return (
        opening.protocol == "tcp"
        and opening.ports == (443, 443)
        and bool(opening.prefix_lists)
        and all(name in accepted if accepted else name.startswith("pl-") for name in opening.prefix_lists)
        and not (opening.addresses or opening.others or made_here)
    )


@RULES.stack(
    "unguarded-egress",
    title="The load balancer can reach only its targets and, over HTTPS, the identity provider.",
    remedy="Limit each egress rule to a security group on a target group's port, or to TCP 443 to 0.0.0.0/0 for the "
    "identity provider.",
    source=_BALANCING + "listener-authenticate-users.html",
    severity=Severity.MEDIUM,
    config={
        "ports": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "Ports of targets that are registered with a port other than their group's",
            "default": [],
        }
    },
)
@for_each(OPENS - INGRESS_RULE)
def _egress(stack: Stack, resource: Resource, judgement: Judgement) -> Iterator[str]:
    found = resource.shared(planned_openings)
    if not _guards_balancer(stack, resource):
        return
    ports = stack.shared(_target_ports).union(judgement.config["ports"])
    for opening in found:
        if opening.direction == "egress" and not _to_identity_provider(opening) and not _to_target(opening, ports):
            yield f"In {opening.place}, the load balancer can reach more than its targets and the identity provider."


def _target_ports(stack: Stack) -> frozenset[int]:
    ports = [target.get("port") for target in stack.only(TARGET_GROUP)]
    return frozenset(int(port) for port in ports if isinstance(port, int | float) and not isinstance(port, bool))


def _to_identity_provider(opening: Opening) -> bool:
    # The load balancer calls the provider over IPv4, and the provider publishes no address ranges.
    return (
        opening.protocol == "tcp"
        and opening.ports == (443, 443)
        and opening.addresses == ("0.0.0.0/0",)
        and not (opening.prefix_lists or opening.others)
    )


def _to_target(opening: Opening, ports: frozenset[int]) -> bool:
    return (
        opening.protocol == "tcp"
        and opening.ports is not None
        and opening.ports[0] == opening.ports[1]
        and opening.ports[0] in ports
        and opening.others
        and not (opening.prefix_lists or opening.addresses)
    )
