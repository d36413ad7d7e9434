"""Where requests come from and go to: networks, names in DNS, and target groups."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Final

from policies.inventory.elsewhere import OWNERS, ROOT, foreign_agreement, pinned_elsewhere
from policies.inventory.table import property_leaves, table, types_with
from policies.rulebook import UNKNOWN, Finding, Json, Judgement, Resource, Rule, Scope, SecretText, Severity

_NETWORK: Final = "pinned-network"
_RECORD: Final = "pinned-record"
_TARGET: Final = "pinned-target"

_NETWORK_ID: Final = re.compile(r"(?<![\w-])(?:vpc|subnet|sg|pl)-[0-9a-f]{8,17}(?![\w-])")
_MADE_WITH_IDS: Final = {
    "sg-": "aws:ec2/securityGroup:SecurityGroup",
    "subnet-": "aws:ec2/subnet:Subnet",
    "vpc-": "aws:ec2/vpc:Vpc",
}
"""Beginning of an id -> type of the resource."""
_OF_AWS: Final = {("aws:ec2/vpcEndpoint:VpcEndpoint", "prefixListId")}
"""Type and output that names something of AWS's: here the prefix list with the addresses of S3."""
_CERTIFICATE: Final = "aws:acm/certificate:Certificate"
DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_DNS_RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"

_VALIDATION_NAME: Final = re.compile(r"_[0-9a-z]{16,64}\.(?P<host>.+)", re.IGNORECASE)
_VALIDATION_TARGET: Final = re.compile(r"_[0-9a-z]{16,64}(?:\.[0-9a-z]+)?\.acm-validations\.aws\.?", re.IGNORECASE)
"""https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html"""


def _foreign_network(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    made = {resource.properties.get("id") for resource in resources if resource.properties.get("id") is not UNKNOWN}
    yield from _unpinned(resources, {*judgement.config["ids"], *judgement.config["addresses"], *made}, judgement.stack)


def _foreign_network_so_far(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    """Judge the last resource at a time when the ids of this stack's own networks and security groups aren't known.

    Of each kind, the stack may name as many unpinned ids as it has resources.
    """
    agreed = {*judgement.config["ids"], *judgement.config["addresses"]}
    named = {name for resource in resources for _, name in resource.shared(_network_names)} - agreed
    for beginning, type_ in _MADE_WITH_IDS.items():
        ids = {name for name in named if name.startswith(beginning)}
        if len(ids) <= sum(resource.type == type_ for resource in resources):
            agreed |= ids
    yield from _unpinned(resources[-1:], agreed, judgement.stack)


def _unpinned(resources: Sequence[Resource], agreed: Collection[Json], stack: str) -> Iterator[Finding]:
    for resource in resources:
        known = table().get(resource.type)
        for path, place, value in resource.shared(property_leaves) if known else ():
            if value is UNKNOWN and known and path in known.paths("by", _NETWORK):
                yield Finding(f"`{place}` isn't known at preview.", resource.urn)
        for place, name in resource.shared(_network_names):
            if name not in agreed:
                others = pinned_elsewhere(name, stack)
                yield Finding(f"`{place}` names `{name}`, which isn't agreed{others}.", resource.urn)


def _unscreened(distribution: Resource, judgement: Judgement) -> Iterator[Finding]:
    if judgement.config["hosts"] and distribution.get("webAclId") in (None, ""):
        yield Finding("It has no `webAclId`, so anyone who knows its name can reach it without passing Cloudflare.")


def _network_names(resource: Resource) -> tuple[tuple[str, str], ...]:
    """Return the networks, groups, prefix lists and addresses that a resource names, each with its place."""
    known = table().get(resource.type)
    judged = {*known.paths("by", _NETWORK), *known.paths("made", _NETWORK)} if known else set()
    return tuple(
        (place, name)
        for path, place, value in resource.shared(property_leaves)
        if isinstance(value, str) and not isinstance(value, SecretText) and (resource.type, path) not in _OF_AWS
        for name in ([value] if path in judged else _NETWORK_ID.findall(value))
    )


# --- records ---


def _foreign_record(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    zone, records = judgement.config["zone"], judgement.config["records"]
    if resource.type == ROOT:
        domain = judgement.settings.get("domain")
        if domain and records and not any(f".{name}".endswith(f".{domain}") for name in records):
            agreed = f"`{min(records)}` and others are its records"
            yield foreign_agreement(judgement.stack, f"{agreed}, but the stack has the domain `{domain}`")
        return
    if resource.type.startswith("cloudflare:") and (not zone or resource.get("zoneId") != zone):
        given = resource.get("zoneId")
        others = pinned_elsewhere(given, judgement.stack) if isinstance(given, str) else ""
        yield Finding(f"`zoneId` isn't the pinned zone{others}.")
    if resource.type == _DNS_RECORD:
        yield from _record_problems(resource, records)
        return
    paths = set(table()[resource.type].paths("by", _RECORD)) - {"zoneId"}
    for path, place, value in resource.shared(property_leaves):
        if path in paths and (not isinstance(value, str) or value.lower() not in records):
            yield Finding(f"`{place}` isn't the name of a pinned record.")


def _record_problems(record: Resource, pinned: Mapping[str, Json]) -> Iterator[Finding]:
    name, type_, content = (record.get(key) for key in ("name", "type", "content"))
    if name is UNKNOWN or (isinstance(name, str) and name.startswith("_")):
        # ACM chooses these names only when the certificate has been requested.
        if type_ != "CNAME" or not _validates(name, content, pinned):
            yield Finding("It isn't a CNAME record with which ACM validates a certificate for a pinned record.")
        return
    wanted = pinned.get(name.lower()) if isinstance(name, str) else None
    if not isinstance(wanted, str):
        yield Finding(f'The record `{name}` isn\'t pinned. Line to add to `records`: "{name}": "{type_} TARGET"')
        return
    wanted_type, _, target = wanted.partition(" ")
    if type_ != wanted_type:
        yield Finding(f"The record `{name}` is pinned as {wanted_type}.")
    # An unknown content comes from a resource of this stack, which `foreign-reference` checks.
    if content is not UNKNOWN and not (isinstance(content, str) and target and _fits(content, target)):
        yield Finding(f"The record `{name}` is pinned to another target.")


def _fits(content: str, target: str) -> bool:
    """Tell whether a record's content is the pinned one, or a name within the pinned one's domain (`*.domain`)."""
    if target.startswith("*."):
        return content.lower().removesuffix(".").endswith(target[1:].lower())
    return content.lower() == target.lower()


def _validates(name: Json, content: Json, pinned: Mapping[str, Json]) -> bool:
    if name is not UNKNOWN:
        match = _VALIDATION_NAME.fullmatch(name.removesuffix(".")) if isinstance(name, str) else None
        if not match or match["host"].lower() not in pinned:
            return False
    return content is UNKNOWN or (isinstance(content, str) and bool(_VALIDATION_TARGET.fullmatch(content)))


def _foreign_validation(resources: Sequence[Resource], _: Judgement) -> Iterator[Finding]:
    """Find records that validate foreign certificates, which browsers would trust like the stack's own."""
    asked = {value for resource in resources for value in _asked_by(resource)}
    for record in resources:
        content = record.properties.get("content")
        if not _is_validation(record):
            continue
        if content is UNKNOWN:
            behind = record.references.get("content", frozenset())
            own = any(resource.urn in behind for resource in resources if resource.type == _CERTIFICATE)
        else:
            own = content in asked
        if not own:
            yield Finding("It validates a certificate that isn't this stack's.", record.urn)


def _foreign_validation_so_far(resources: Sequence[Resource], _: Judgement) -> Iterator[Finding]:
    """Judge the last resource at a time when ACM's records aren't known: there may be one record for each name."""
    last = resources[-1]
    contents = {str(record.properties.get("content")) for record in resources if _is_validation(record)}
    names = {
        str(name)
        for resource in resources
        if resource.type == _CERTIFICATE
        for name in (resource.get("domainName"), *resource.items("subjectAlternativeNames"))
    }
    if _is_validation(last) and len(contents) > len(names):
        yield Finding("There are more validation records than names in this stack's certificates.", last.urn)


def _is_validation(resource: Resource) -> bool:
    name = resource.properties.get("name")
    return resource.type == _DNS_RECORD and (name is UNKNOWN or (isinstance(name, str) and name.startswith("_")))


def _asked_by(resource: Resource) -> Iterator[Json]:
    """Yield the contents of the records that AWS requires to issue a certificate."""
    options = resource.properties.get("domainValidationOptions") if resource.type == _CERTIFICATE else None
    for option in options if isinstance(options, list) else ():
        if isinstance(option, Mapping) and isinstance(content := option.get("resourceRecordValue"), str):
            yield from (content, content.removesuffix("."))


# --- address sets ---

_SHORTEST_PREFIX: Final = {4: 12, 6: 28}
"""IP version -> bits. Cloudflare's own widest ranges are a /13 and a /29 (https://www.cloudflare.com/ips/)."""


def _wide(addresses: Resource, _: Judgement) -> Iterator[Finding]:
    for index, text in enumerate(addresses.texts("addresses")):
        try:
            network = ip_network(text)
        except ValueError:
            yield Finding(f"`addresses.{index}` isn't a block of addresses.")
            continue
        if network.prefixlen < _SHORTEST_PREFIX[network.version]:
            yield Finding(f"`addresses.{index}` is wider than /{_SHORTEST_PREFIX[network.version]}.")


# --- target groups ---


def _unpinned_target(group: Resource, judgement: Judgement) -> Iterator[Finding]:
    name, port = group.get("name"), group.get("port")
    if not isinstance(name, str) or judgement.config["targets"].get(name) != port or isinstance(port, bool):
        shown = f"{port:g}" if isinstance(port, int | float) else "PORT"
        yield Finding(f'No target group `{name}` with this port is pinned. Line to set in `targets`: "{name}": {shown}')


def _list(description: str) -> Mapping[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": description, "default": []}


_REMEDY: Final = f"Correct it, or have {OWNERS} change `{{}}`."

RULES: Final = (
    Rule(
        id="unscreened-distribution",
        title="Distributions are behind a web ACL if the owners agreed to one.",
        remedy="Leave `onlyCloudflareViewers` on, or set `webAclArn`.",
        source="https://docs.aws.amazon.com/waf/latest/developerguide/cloudfront-features.html",
        severity=Severity.HIGH,
        check=_unscreened,
        types=frozenset((DISTRIBUTION,)),
        config={
            "hosts": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Hosts behind a web ACL; if there are any, every distribution needs one",
                "default": [],
            }
        },
    ),
    Rule(
        id="wide-address-set",
        title="An address set that a web ACL lets through doesn't cover a large part of the internet.",
        remedy="List only the blocks of the intended clients, such as Cloudflare's.",
        source="https://www.cloudflare.com/ips/",
        severity=Severity.HIGH,
        check=_wide,
        types=types_with("by", "wide-address-set"),
    ),
    Rule(
        id=_NETWORK,
        title="A stack names only networks, security groups, prefix lists and addresses that the owners pinned.",
        remedy=_REMEDY.format(f"{_NETWORK}`: `ids`, `addresses"),
        source="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
        severity=Severity.CRITICAL,
        check=_foreign_network,
        early=_foreign_network_so_far,
        scope=Scope.STACK,
        by_agreement=True,
        config={
            "ids": _list("Ids of VPCs, subnets, security groups and prefix lists"),
            "addresses": _list("Address blocks that rules of security groups may name"),
        },
    ),
    Rule(
        id=_RECORD,
        title="Records of the zone have the names, types and targets that the owners pinned.",
        remedy=_REMEDY.format(f"{_RECORD}`: `zone`, `records"),
        source="https://developers.cloudflare.com/dns/manage-dns-records/",
        severity=Severity.CRITICAL,
        check=_foreign_record,
        types=types_with("by", _RECORD) | {ROOT},
        by_agreement=True,
        config={
            "zone": {"type": "string", "description": "Id of the Cloudflare zone", "default": ""},
            "records": {
                "type": "object",
                "description": "Full name of a record -> type and target, such as `CNAME host.example.com`; "
                "`*.example.com` is any name in that domain",
                "default": {},
            },
        },
    ),
    Rule(
        id="foreign-validation",
        title="Validation records validate only certificates of this stack.",
        remedy="Take the record's content from the certificate's `domain_validation_options`, or remove the record.",
        source="https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html",
        severity=Severity.CRITICAL,
        check=_foreign_validation,
        early=_foreign_validation_so_far,
        scope=Scope.STACK,
        types=frozenset((_DNS_RECORD, _CERTIFICATE)),
    ),
    Rule(
        id=_TARGET,
        title="Requests are forwarded only to target groups that the owners pinned.",
        remedy=_REMEDY.format(f"{_TARGET}`: `targets"),
        source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html",
        severity=Severity.CRITICAL,
        check=_unpinned_target,
        types=types_with("by", _TARGET),
        by_agreement=True,
        config={
            "targets": {
                "type": "object",
                "description": "Name of a target group -> port of its targets",
                "default": {},
            }
        },
    ),
)
