"""Properties: each is judged, harmless or a violation; and references lead only to this stack's resources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policies.inventory.elsewhere import OWNERS
from policies.inventory.table import Verdict, property_leaves, table
from policies.rulebook import UNKNOWN, Finding, Json, Judgement, Resource, Rule, Scope, Severity

_IDENTITIES: Final = ("id", "arn", "name", "bucket", "hostname", "dnsName", "domainName", "fqdn", "clusterIdentifier")
"""Properties by which other resources refer to a resource."""
_IAM: Final = re.compile(r"arn:[\w-]+:iam:")
_HOLDS_NAMES: Final = re.compile(r"arn:[\w-]+:(elasticloadbalancing|wafv2|ecs):")
_NAMED: Final = frozenset(
    (
        *("aws:iam/role:Role", "aws:iam/policy:Policy", "aws:s3/bucket:Bucket"),
        *("aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup"),
        "aws:ecs/cluster:Cluster",
        *("aws:wafv2/ipSet:IpSet", "aws:wafv2/webAcl:WebAcl"),
    )
)
"""Types whose ids and ARNs contain the name that the program gives."""


def _unjudged(resource: Resource, _: Judgement) -> Iterator[Finding]:
    known = table()[resource.type]
    for path, place, value in resource.shared(property_leaves):
        problem = fault(known.judge(path), value)
        if problem:
            yield Finding(f"`{place}` {problem}" + _line(known.judge(path), path, resource.type))


def fault(verdict: Verdict | None, value: Json) -> str:
    """Return what is wrong with a value according to the verdict on its property, empty if nothing is."""
    if verdict is None:
        return "isn't known at preview." if value is UNKNOWN else "is a property that no rule judges."
    if verdict.verb == "no":
        return "isn't agreed" + (f": {verdict.text}." if verdict.text else ".")
    if verdict.verb == "only" and written(value) not in verdict.words:
        return f"isn't agreed; accepted: {' or '.join(verdict.words)}."
    return ""


def _line(verdict: Verdict | None, path: str, type_: str) -> str:
    return "" if verdict else f" Line to add under `[{type_}]`: `{path} free REASON`"


def written(value: Json) -> str:
    """Return a value as the table writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    return value if isinstance(value, str) else ""


def _foreign(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    made: dict[str, set[str]] = {}
    for resource in resources:
        made.setdefault(resource.type, set()).update(_identities(resource))
    agreed = set(judgement.config["agreed"])
    for resource in resources:
        known = table().get(resource.type)
        if not known or not known.paths("made"):
            continue
        for path, place, value in resource.shared(property_leaves):
            verdict = known.judge(path)
            if not verdict or verdict.verb != "made":
                continue
            types = [word for word in verdict.words if ":" in word]
            if not _is_made(resource, path, value, verdict, agreed.union(*(made.get(type_, ()) for type_ in types))):
                yield Finding(f"`{place}` doesn't come from this stack's {' or '.join(types)}.", resource.urn)


def _foreign_so_far(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    """Judge the last resource at a time when the ids of the resources that it refers to aren't known.

    A value that contains a name refers to the resource of that name. Of other values, a stack may have as many as it
    has resources of the type, or none if ids of the type contain names.
    """
    last, agreed = resources[-1], set(judgement.config["agreed"])
    for place, types, values in last.shared(_references):
        candidates = [resource for resource in resources if resource.type in types]
        called = agreed.union(*map(_identities, candidates))
        nameless = {value for value in values if not _names(value) & called}
        before = {
            value
            for other in resources
            for _, others, found in other.shared(_references)
            if others[0] == types[0]
            for value in found
            if not _names(value) & called
        }
        named = any(_HOLDS_NAMES.match(value) or _IAM.match(value) for value in nameless) and types[0] in _NAMED
        if nameless and (named or len(before) > sum(resource.type == types[0] for resource in candidates)):
            yield Finding(f"`{place}` doesn't come from this stack's {' or '.join(types)}.", last.urn)


def _references(resource: Resource) -> tuple[tuple[str, tuple[str, ...], set[str]], ...]:
    """Return place, types and known values of each path whose value has to come from a resource of some types."""
    known = table().get(resource.type)
    found: dict[str, tuple[str, tuple[str, ...], set[str]]] = {}
    for path, place, value in resource.shared(property_leaves) if known else ():
        verdict = known.judge(path) if known else None
        if verdict and verdict.verb == "made" and "or" not in verdict.words and isinstance(value, str):
            found.setdefault(path, (place, verdict.words, set()))[2].add(value)
    return tuple(found.values())


def _is_made(resource: Resource, path: str, value: Json, verdict: Verdict, names: set[str]) -> bool:
    """Tell whether a value comes from a resource of the verdict's types; `names` are the names of such resources."""
    if value is not UNKNOWN:
        return "or" in verdict.words or bool(_names(value) & names)
    behind = resource.references.get(path.partition(".")[0], frozenset())
    return any(_type(urn) in verdict.words for urn in behind)


def is_called(resource: Resource, other: Resource, path: str) -> bool:
    """Tell whether another resource refers to this one with the value at a path."""
    value = other.get(path)
    if value is UNKNOWN:
        return resource.urn in other.references.get(path.partition(".")[0], frozenset())
    return bool(_names(value) & _identities(resource))


def _identities(resource: Resource) -> set[str]:
    return {value for name in _IDENTITIES if isinstance(value := resource.properties.get(name), str)}


def _names(value: Json) -> set[str]:
    """Return a reference and, if it is an ARN with a name in it, the name, whose place differs by service."""
    if not isinstance(value, str):
        return set()
    last = value.rsplit(":", 1)[-1]
    if _HOLDS_NAMES.match(value):
        return {value, *last.split("/")[1:]}
    return {value, last.rpartition("/")[2] if _IAM.match(value) else last.partition("/")[0]}


def _type(urn: str) -> str:
    """Return the type of a resource from its URN (`urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME`)."""
    return urn.split("::")[2].rpartition("$")[2] if urn.count("::") >= 3 else ""


RULES: Final = (
    Rule(
        id="unjudged-property",
        title="Every property is judged by a rule, or known to be harmless.",
        remedy="Remove it, or have the owners of `policies/inventory/types/` add a line that says which rule judges "
        "it or why it is harmless.",
        source="https://www.pulumi.com/docs/insights/policy/policy-packs/",
        severity=Severity.HIGH,
        check=_unjudged,
        types=frozenset(type_ for type_ in table() if not type_.startswith("pulumi:")),
    ),
    Rule(
        id="foreign-reference",
        title="References lead only to resources of this stack, or to resources that its owners agreed to.",
        remedy=f"Take the value from the resource, or have {OWNERS} add it to `foreign-reference`: `agreed`.",
        source="https://www.pulumi.com/docs/iac/concepts/inputs-outputs/",
        severity=Severity.HIGH,
        check=_foreign,
        by_agreement=True,
        early=_foreign_so_far,
        scope=Scope.STACK,
        types=frozenset(
            {known.type for known in table().values() if known.paths("made")}
            | {
                word
                for known in table().values()
                for path in known.paths("made")
                for word in known.properties[path].words
            }
        ),
        config={
            "agreed": {
                "type": "array",
                "items": {"type": "string"},
                "description": "ARNs, ids and names of resources outside the stack that its resources may refer to",
                "default": [],
            }
        },
    ),
)
