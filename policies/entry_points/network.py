"""Security groups: what each of their rules opens, however the program writes it down."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.entry_points.kinds import EGRESS_RULE, GROUP_RULE, INGRESS_RULE, SECURITY_GROUP
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Severity, Unjudgeable

GROUP_TYPES: Final = SECURITY_GROUP | GROUP_RULE | INGRESS_RULE | EGRESS_RULE

_PRIVATE: Final = tuple(
    ipaddress.ip_network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
"""Addresses that nobody reaches from the internet: RFC 1918, RFC 6598, RFC 4193."""


@dataclass(frozen=True)
class Opening:
    """One rule of a security group.

    `ports` are the first and the last, None for all. `others` tells whether it names security groups, or itself.
    """

    path: str
    ingress: bool
    protocol: str
    ports: tuple[int, int] | None
    addresses: tuple[str, ...]
    prefix_lists: tuple[str, ...]
    others: bool


def openings(resource: Resource) -> Iterator[Opening]:
    """Yield what a security group, or a rule of one, opens.

    Raises:
        Unjudgeable: something in it is unknown or malformed; the id of another security group may be unknown.
    """
    if resource.type in SECURITY_GROUP:
        for direction in ("ingress", "egress"):
            for index, _ in enumerate(resource.items(direction)):
                yield _classic(
                    resource, f"{direction}.{index}.", ingress=direction == "ingress", group="securityGroups"
                )
    elif resource.type in GROUP_RULE:
        direction = resource.text("type")
        if direction not in ("ingress", "egress"):
            raise Unjudgeable("type", "is neither ingress nor egress", resource.urn)
        yield _classic(resource, "", ingress=direction == "ingress", group="sourceSecurityGroupId")
    else:
        addresses = [resource.text_or_none(name) for name in ("cidrIpv4", "cidrIpv6")]
        yield Opening(
            path="it",
            ingress=resource.type in INGRESS_RULE,
            protocol=resource.text("ipProtocol"),
            ports=_ports(resource, ""),
            addresses=tuple(address for address in addresses if address is not None),
            prefix_lists=_some(resource.text_or_none("prefixListId")),
            others=resource.get("referencedSecurityGroupId") is not None,
        )


def _classic(resource: Resource, prefix: str, *, ingress: bool, group: str) -> Opening:
    return Opening(
        path=f"`{prefix[:-1]}`" if prefix else "it",
        ingress=ingress,
        protocol=resource.text(f"{prefix}protocol"),
        ports=_ports(resource, prefix),
        addresses=(*_texts(resource, f"{prefix}cidrBlocks"), *_texts(resource, f"{prefix}ipv6CidrBlocks")),
        prefix_lists=_texts(resource, f"{prefix}prefixListIds"),
        # A group that was read back from AWS has an empty list where it names none.
        others=resource.get(f"{prefix}{group}") not in (None, [], "") or resource.flag(f"{prefix}self", False),
    )


def _texts(resource: Resource, path: str) -> tuple[str, ...]:
    return tuple(resource.text(f"{path}.{index}") for index, _ in enumerate(resource.items(path)))


def _some(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)


def _ports(resource: Resource, prefix: str) -> tuple[int, int] | None:
    first, last = (_port(resource, f"{prefix}{name}") for name in ("fromPort", "toPort"))
    return None if first is None or last is None else (first, last)


def _port(resource: Resource, path: str) -> int | None:
    value: Json = resource.get(path)
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        raise Unjudgeable(path, "is unknown or no number", resource.urn)
    return None if value is None else int(value)


def is_private(address: str) -> bool:
    """Tell whether all addresses of a block are out of the internet's reach; False for what is no block.

    >>> [is_private(block) for block in ("10.1.0.0/16", "10.0.0.0/7", "0.0.0.0/0", "::/0", "fd00::/8", "all")]
    [True, False, False, False, True, False]
    """
    try:
        block = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return False
    return any(block.version == private.version and block.subnet_of(private) for private in _PRIVATE)  # type: ignore[arg-type]


def _open(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for opening in openings(resource):
        if opening.ingress and not all(is_private(address) for address in opening.addresses):
            yield Finding(f"In {opening.path}, an address block isn't private, so the internet may come in.")


RULES: Final = (
    Rule(
        id="open-ingress",
        title="No security group lets addresses of the internet in.",
        remedy="Let the load balancer's security group in instead; the load balancer takes CloudFront's prefix list.",
        source="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
        severity=Severity.CRITICAL,
        check=_open,
        types=GROUP_TYPES - EGRESS_RULE,
    ),
)
