"""Derives agreed facts from a stack's plan: its types, their numbers, and the contents of its resources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from policies.inventory.agreed_types import counts
from policies.inventory.edge import DISTRIBUTION
from policies.inventory.identity_policies import TYPES
from policies.inventory.permissions import agreed_permissions
from policies.inventory.pinned_tags import tag_conditions
from policies.inventory.programs import programs
from policies.inventory.roles import ATTACHMENT, ROLE, Terms, policy_name
from policies.inventory.table import leaves, table
from policies.inventory.values import agreed_values

_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The text for an unknown value in Pulumi's plans."""

_DNS_RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"
_TARGET_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
_ADDRESSES: Final = ("cidrIpv4", "cidrIpv6", "cidrBlock", "destinationCidrBlock")
_NAMES_OF_AWS: Final = {True: "*.cloudfront.net", False: "*.elb.amazonaws.com"}
"""Whether a record is proxied -> pattern of its target, a distribution or a load balancer, whose name isn't known."""


def agreed(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return rule -> key -> value for the rules whose facts are in a plan (the format of `pulumi preview --json`)."""
    states = [step["newState"] for step in document["steps"] if "newState" in step]
    inputs = [(state["type"], state.get("inputs", {})) for state in states]
    made = {type_ for type_, _ in inputs if not type_.startswith("pulumi:")}
    numbers = Counter(type_ for type_, properties in inputs if counts(type_, properties))
    judged = sorted(made & table().keys())
    packages = {type_.partition(":")[0] for type_ in table()}
    return {
        "unjudged-type": {
            "types": judged,
            "components": sorted({type_.partition(":")[0] for type_ in made} - packages),
        },
        "unagreed-number": {"most": {type_: numbers[type_] for type_ in judged if table()[type_].counted}},
        "pinned-role": {"roles": _roles(inputs)},
        "pinned-tag": {"tags": _tags(inputs)},
        "unscreened-distribution": {
            "hosts": sorted(
                host
                for type_, properties in inputs
                if type_ == DISTRIBUTION and "webAclId" in properties
                for host in properties.get("aliases", [])
            ),
        },
        "pinned-network": {"addresses": sorted(_addresses(inputs))},
        "pinned-record": {"records": _records(inputs)},
        "pinned-target": {
            "targets": {group["name"]: group["port"] for type_, group in inputs if type_ == _TARGET_GROUP},
        },
        "pinned-program": {"programs": programs(inputs)},
        "pinned-permission": {"policies": agreed_permissions(inputs)},
        "pinned-value": {"values": agreed_values(inputs)},
    }


def _roles(inputs: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Return the terms of each role, including policies from attachment resources."""
    given = list(inputs)
    roles = {role["name"]: Terms.of_role(role) for type_, role in given if type_ == ROLE}
    for type_, attachment in given:
        if type_ == ATTACHMENT and (role := roles.get(attachment["role"])):
            more = role.policies | {policy_name(attachment["policyArn"])}
            roles[attachment["role"]] = replace(role, policies=more)
    return {name: role.line() for name, role in sorted(roles.items())}


def _tags(inputs: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Return tag -> value for each tag that an identity policy requires."""
    asked = (found for type_, properties in inputs if type_ in TYPES for _, _, found in tag_conditions(properties))
    return {tag: value for tags in asked for tag, values in sorted(tags.items()) for value in sorted(values)}


def _addresses(inputs: Iterable[tuple[str, Mapping[str, Any]]]) -> set[str]:
    values = (leaf for type_, properties in inputs if type_ in table() for leaf in leaves(properties))
    return {str(value) for path, _, value in values if path in _ADDRESSES}


def _records(inputs: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    records: dict[str, str] = {}
    for type_, record in inputs:
        if type_ == _DNS_RECORD and record["name"] != _UNKNOWN and not record["name"].startswith("_"):
            known = record["content"] != _UNKNOWN
            target = record["content"] if known else _NAMES_OF_AWS[bool(record.get("proxied"))]
            records[record["name"]] = f"{record['type']} {target}"
    return dict(sorted(records.items()))
