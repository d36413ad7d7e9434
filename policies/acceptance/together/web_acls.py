"""Web ACLs and IP sets."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from policies.acceptance.together.reading import block, blocks, given, number, own_region, repeated, text, texts
from policies.rulebook import Resource

_API: Final = "https://docs.aws.amazon.com/waf/latest/APIReference"
_GLOBAL: Final = "us-east-1"
"""The Region of resources with the scope CLOUDFRONT."""

_VERSIONS: Final = {"IPV4": 4, "IPV6": 6}


def _addresses(resource: Resource) -> Iterator[str]:
    version = _VERSIONS.get(text(resource.properties, "ipAddressVersion") or "")
    for index, address in enumerate(texts(resource.properties, "addresses")):
        try:
            network = ipaddress.ip_network(address)
        except ValueError:
            yield (
                f"`addresses.{index}` isn't the first address of a network with its prefix length "
                f"({_API}/API_IPSet.html)."
            )
            continue
        if version and network.version != version:
            yield f"`addresses.{index}` doesn't have the version in `ipAddressVersion` ({_API}/API_IPSet.html)."


def _scope(resource: Resource) -> Iterator[str]:
    region = own_region(resource)
    if text(resource.properties, "scope") == "CLOUDFRONT" and region and region != _GLOBAL:
        yield f"`scope` is CLOUDFRONT in {region}, but must be in {_GLOBAL} ({_API}/API_CreateWebACL.html)."


def _rules(resource: Resource) -> Iterator[str]:
    rules = blocks(resource.properties, "rules")
    for name in repeated(name for rule in rules if (name := text(rule, "name"))):
        yield f"Two `rules` have the name {name} ({_API}/API_Rule.html)."
    for priority in repeated(rank for rule in rules if (rank := number(rule, "priority")) is not None):
        yield f"Two `rules` have the priority {priority:g} ({_API}/API_Rule.html)."
    for index, rule in enumerate(rules):
        group = any(
            key in block(rule, "statement") for key in ("managedRuleGroupStatement", "ruleGroupReferenceStatement")
        )
        wanted, other = ("overrideAction", "action") if group else ("action", "overrideAction")
        if not given(rule, wanted) or given(rule, other):
            yield f"`rules.{index}` needs `{wanted}` and must not have `{other}` ({_API}/API_Rule.html)."
        for key in (wanted, "statement"):
            if (found := rule.get(key)) and isinstance(found, Mapping) and len(found) != 1:
                yield f"`rules.{index}.{key}` names {len(found)} things; it can name one ({_API}/API_Rule.html)."
    default = resource.get("defaultAction")
    if isinstance(default, Mapping) and len(default) != 1:
        yield f"`defaultAction` names {len(default)} actions; it can name one ({_API}/API_DefaultAction.html)."
    for place in [resource.properties, *rules]:
        if text(block(place, "visibilityConfig"), "metricName") in ("All", "Default_Action"):
            yield (f"`visibilityConfig.metricName` is a name that WAF reserves ({_API}/API_VisibilityConfig.html).")


def _references(resource: Resource) -> Iterator[str]:
    for index, rule in enumerate(blocks(resource.properties, "rules")):
        arn = text(block(block(rule, "statement"), "ipSetReferenceStatement"), "arn")
        if arn and (":global/" in arn) != (text(resource.properties, "scope") == "CLOUDFRONT"):
            yield f"`rules.{index}` refers to an IP set with another scope ({_API}/API_IPSetReferenceStatement.html)."


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "aws:wafv2/ipSet:IpSet": (_scope, _addresses),
    "aws:wafv2/webAcl:WebAcl": (_scope, _rules, _references),
}
"""Resource type -> its checks."""
