"""AWS's quotas: characters of documents, and numbers of conditions, rules and policies.

Quotas that AWS raises on request are configuration keys, with AWS's values as defaults.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from policies.acceptance.together.reading import blocks, number, text, texts
from policies.rulebook import Finding, Judgement, Resource, Rule, Scope, Severity

_IAM: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
_BALANCER: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"
_VPC: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html"
_LISTS: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html"
_EDGE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"
_ACM: Final = "https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html"

_ROLE: Final = "aws:iam/role:Role"
_INLINE: Final = "aws:iam/rolePolicy:RolePolicy"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_MANAGED: Final = "aws:iam/policy:Policy"
_LISTENER_RULES: Final = ("aws:lb/listenerRule:ListenerRule", "aws:alb/listenerRule:ListenerRule")
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_CERTIFICATE: Final = "aws:acm/certificate:Certificate"

_MANAGED_SIZE: Final = 6144
_INLINE_SIZE: Final = 10240
_CONDITION_VALUES: Final = 5
_CONDITION_WILDCARDS: Final = 6
_LARGEST_LIST: Final = 55
"""The weight of CloudFront's prefix list, the largest that AWS manages; the default for lists."""


def size(document: str) -> int:
    """Return the number of characters of an IAM document as IAM counts them: without white space."""
    return len(re.sub(r"\s", "", document))


def _managed(resource: Resource, _: Judgement) -> Iterator[str]:
    if (found := size(resource.text("policy"))) > _MANAGED_SIZE:
        yield (
            f"`policy` has {found:,} characters without white space; a managed policy can have {_MANAGED_SIZE:,} "
            f"({_IAM})."
        )


def _trust(resource: Resource, judgement: Judgement) -> Iterator[str]:
    most = judgement.config["trustPolicySize"]
    if (found := size(resource.text("assumeRolePolicy"))) > most:
        yield (
            f"`assumeRolePolicy` has {found:,} characters without white space; a trust policy can have {most:,.0f} "
            f"({_IAM})."
        )


def _conditions(resource: Resource, _: Judgement) -> Iterator[str]:
    values = [
        value
        for condition in blocks(resource.properties, "conditions")
        for setting in condition.values()
        if isinstance(setting, Mapping)
        for value in (*_listed(setting, "values"), *_listed(setting, "regexValues"))
    ]
    for condition in blocks(resource.properties, "conditions"):
        values += [text(item, "value") for item in blocks(condition, "queryStrings")]
    if len(values) > _CONDITION_VALUES:
        yield f"`conditions` have {len(values)} values; a rule can have {_CONDITION_VALUES} ({_BALANCER})."
    wildcards = sum(value.count("*") + value.count("?") for value in values if isinstance(value, str))
    if wildcards > _CONDITION_WILDCARDS:
        yield f"`conditions` have {wildcards} wildcards; a rule can have {_CONDITION_WILDCARDS} ({_BALANCER})."


def _listed(setting: Mapping[str, Any], key: str) -> list[Any]:
    found = setting.get(key)
    return found if isinstance(found, list) else []


def _distribution(resource: Resource, _: Judgement) -> Iterator[str]:
    for key, most in (("orderedCacheBehaviors", 75), ("origins", 100), ("originGroups", 10)):
        if (found := len(_listed(resource.properties, key))) > most:
            yield f"`{key}` has {found} entries; a distribution can have {most:g} ({_EDGE})."
    for index, origin in enumerate(blocks(resource.properties, "origins")):
        headers = blocks(origin, "customHeaders")
        length = sum(len(text(header, key) or "") for header in headers for key in ("name", "value"))
        if length > _HEADERS:
            yield f"`origins.{index}.customHeaders` have more than {_HEADERS:,} characters in total ({_EDGE})."


_HEADERS: Final = 10240


def _names(resource: Resource, judgement: Judgement) -> Iterator[str]:
    names = {text(resource.properties, "domainName"), *texts(resource.properties, "subjectAlternativeNames")} - {None}
    if len(names) > judgement.config["certificateNames"]:
        yield f"It has {len(names)} names; a certificate can have {judgement.config['certificateNames']:g} ({_ACM})."


_CHECKS: Final[Mapping[str, Callable[[Resource, Judgement], Iterable[str]]]] = {
    _MANAGED: _managed,
    _ROLE: _trust,
    _DISTRIBUTION: _distribution,
    _CERTIFICATE: _names,
    **dict.fromkeys(_LISTENER_RULES, _conditions),
}
_DOCUMENTS: Final = {_MANAGED: "policy", _ROLE: "assumeRolePolicy", _INLINE: "policy"}


def _over(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    document = _DOCUMENTS.get(resource.type)
    if document and not isinstance(resource.get(document), str):
        yield Finding(f"`{document}` isn't a text that is known at preview, so its characters can't be counted.")
        return
    for problem in _CHECKS[resource.type](resource, judgement):
        yield Finding(problem)


def _over_together(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    # The engine promises no order. Sorting makes a finding always name the same resource.
    ordered = sorted(resources, key=lambda resource: resource.urn)
    yield from _inline(ordered)
    yield from _attached(ordered, judgement.config["managedPolicies"])
    yield from _rules(ordered, judgement.config["listenerRules"])
    for type_ in (_INGRESS, _EGRESS):
        group_rules = [resource for resource in ordered if resource.type == type_]
        yield from _weight(group_rules, judgement.config["groupRules"], judgement.config["prefixListWeights"])
    yield from _twice(ordered)


def _grouped(resources: Iterable[Resource], property_: str) -> Mapping[str, list[Resource]]:
    """Group resources by the target of a property: a name, or the resources that a value comes from."""
    groups: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        value = resource.get(property_)
        origin = sorted(resource.references.get(property_, ()))
        groups[",".join(origin) or (value if isinstance(value, str) else "")].append(resource)
    return groups


def _inline(resources: Sequence[Resource]) -> Iterator[Finding]:
    policies = [resource for resource in resources if resource.type == _INLINE]
    for group in _grouped(policies, "role").values():
        documents = [document for resource in group if isinstance(document := resource.get("policy"), str)]
        if (found := sum(map(size, documents))) > _INLINE_SIZE:
            message = f"`policy`: the inline policies of the role have {found:,} characters without white space; "
            yield Finding(f"{message}together they can have {_INLINE_SIZE:,} ({_IAM}).", group[-1].urn)


def _attached(resources: Sequence[Resource], most: int) -> Iterator[Finding]:
    attachments = [resource for resource in resources if resource.type == _ATTACHMENT]
    for group in _grouped(attachments, "role").values():
        if len(group) > most:
            yield Finding(f"The role has {len(group)} managed policies; it can have {most:g} ({_IAM}).", group[-1].urn)


def _rules(resources: Sequence[Resource], most: int) -> Iterator[Finding]:
    rules = [resource for resource in resources if resource.type in _LISTENER_RULES]
    for group in _grouped(rules, "listenerArn").values():
        if len(group) > most:
            yield Finding(f"The listener has {len(group)} rules; it can have {most:g} ({_BALANCER}).", group[-1].urn)
        first: dict[float, Resource] = {}
        for rule in group:
            priority = number(rule.properties, "priority")
            if priority is not None and first.setdefault(priority, rule) is not rule:
                message = (
                    f"`priority` {priority:g} is also used by {first[priority].urn}; it must be unique in a listener"
                )
                yield Finding(f"{message} ({_BALANCER}).", rule.urn)


def _weight(rules: Sequence[Resource], most: int, weights: Mapping[str, Any]) -> Iterator[Finding]:
    for group in _grouped(rules, "securityGroupId").values():
        weight = 0
        for rule in group:
            listed = rule.get("prefixListId")
            known = weights.get(listed) if isinstance(listed, str) else None
            heavy = known if isinstance(known, int | float) else _LARGEST_LIST
            weight += 1 if listed is None else int(heavy)
        if weight > most:
            message = (
                f"The security group's rules in one direction count as {weight}, where a prefix list counts with its "
                f"weight ({_LARGEST_LIST}, unless `prefixListWeights` says otherwise; {_LISTS}); a group can have "
                f"{most} ({_VPC})."
            )
            yield Finding(message, group[-1].urn)


def _twice(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Find host names that two distributions have, which CloudFront refuses."""
    first: dict[str, Resource] = {}
    for resource in resources:
        if resource.type == _DISTRIBUTION:
            for alias in texts(resource.properties, "aliases"):
                if first.setdefault(alias.lower(), resource) is not resource:
                    message = (
                        f"`aliases` has {alias}, which is also in {first[alias.lower()].urn}; only one distribution "
                        "can have it"
                    )
                    yield Finding(f"{message} ({_EDGE}).", resource.urn)


def _quota(description: str, default: int) -> Mapping[str, Any]:
    return {"type": "integer", "description": f"{description}; AWS raises it on request", "default": default}


RULES: Final = (
    Rule(
        id="over-quota",
        title="No resource exceeds AWS's quotas.",
        remedy="Split it, or have AWS raise the quota and set the new value in the rule's configuration.",
        source=_IAM,
        severity=Severity.HIGH,
        check=_over,
        types=frozenset(_CHECKS),
        config={
            "trustPolicySize": _quota("Characters of a trust policy", 2048),
            "certificateNames": _quota("Names of a certificate", 10),
        },
    ),
    Rule(
        id="over-quota-together",
        title="Resources together don't exceed AWS's quotas.",
        remedy="Split it, or have AWS raise the quota and set the new value in the rule's configuration.",
        source=_VPC,
        severity=Severity.HIGH,
        check=_over_together,
        scope=Scope.STACK,
        types=frozenset({_INLINE, _ATTACHMENT, *_LISTENER_RULES, _INGRESS, _EGRESS, _DISTRIBUTION}),
        config={
            "managedPolicies": _quota("Managed policies of a role", 10),
            "listenerRules": _quota("Rules of a load balancer's listener", 100),
            "groupRules": _quota("Rules of a security group in one direction", 60),
            "prefixListWeights": {
                "type": "object",
                "description": "Id of a prefix list -> how many rules it counts for",
                "default": {},
            },
        },
    ),
)
