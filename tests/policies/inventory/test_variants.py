"""Variants of edits that once passed: each, applied to the real plan, is stopped by its rules."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from corpus.families import read
from tests.judged_plan import JudgedPlan, Planned, judged_plan
from tests.policies.analyzer import UNKNOWN, secret

ROWS: Final[list[dict[str, Any]]] = read(Path(__file__).with_name("variants.yaml"))
RULE: Final = "aws:lb/listenerRule:ListenerRule"
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"

WRITTEN: Final[Mapping[str, Callable[[str], str]]] = {
    "plain": str,
    "reversed": lambda text: text[::-1],
    "upper": str.upper,
    "part": lambda text: text[9:30],
    "dashes": lambda text: "-".join(text[at : at + 4] for at in range(0, len(text), 4)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}


def condition_with_the_header(rule: Planned) -> tuple[int, str]:
    """Return the index of the condition with the header secret in a listener rule, and the secret."""
    conditions = rule.inputs["conditions"]
    conditions = conditions["value"] if isinstance(conditions, dict) else conditions
    (found,) = [(at, one["httpHeader"]["values"][0]) for at, one in enumerate(conditions) if "httpHeader" in one]
    return found


def with_header(value: Any, plan: JudgedPlan, written: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: with_header(item, plan, written) for key, item in value.items()}
    if isinstance(value, list):
        return [with_header(item, plan, written) for item in value]
    if value == "HEADER":
        (rule, *_) = [made for made in plan.resources if made.type == RULE]
        return WRITTEN[written](condition_with_the_header(rule)[1])
    return UNKNOWN if value == "UNKNOWN" else value


def variant(plan: JudgedPlan, row: dict[str, Any]) -> Planned:
    """Return the resource of a row."""
    written = row.get("written", "plain")
    if "add" in row:
        return plan.added(row["add"], with_header(row["inputs"], plan, written))
    if "ingress" in row:
        (rule, *_) = [made for made in plan.resources if made.type == INGRESS]
        return rule.with_value(row["ingress"], row["value"])
    resource = plan.named(*row["change"].split())
    if "trust" in row:
        ((old, new),) = row["trust"].items()
        document = resource.inputs["assumeRolePolicy"]
        assert old in document
        return resource.with_value("assumeRolePolicy", document.replace(old, new))
    if "header" in row:
        at, _ = condition_with_the_header(resource)
        return resource.with_value(f"conditions.{at}.httpHeader.values", secret([row["header"]]))
    if "provider" in row:
        other = resource.called(resource.name)
        other.asked.provider.properties.update(row["provider"])
        return other
    return resource.with_value(row["path"], with_header(row["value"], plan, written))


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row['row']}-{at}") for at, row in enumerate(ROWS)])
def test_a_variant_is_stopped_by_its_rules(row: dict[str, Any]) -> None:
    plan = judged_plan(row.get("stack", "prod"))
    assert plan.is_stopped_by(variant(plan, row), set(row.get("expect", ["inventory/unjudged-type"])))


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_the_plan_itself_passes(stack: str) -> None:
    assert judged_plan(stack).judged_whole() == set()


COMPANIONS: Final = [
    f"aws:s3/bucket{name}:Bucket{name[0].upper()}{name[1:]}"
    for name in ("PublicAccessBlock", "OwnershipControls", "ServerSideEncryptionConfiguration", "Versioning", "Policy")
]


@pytest.mark.parametrize("type_", COMPANIONS)
def test_a_bucket_needs_its_companions(type_: str) -> None:
    plan = judged_plan("prod")
    companion = plan.named(type_, "prod-blog-data-raw")
    assert "inventory/missing-companion" in plan.without(companion)
    assert plan.is_stopped_by(companion.with_value("bucket", "prod-blog-data-clean"), {"inventory/missing-companion"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Deny"', '"Allow"'),
        ('"Principal": "*"', '"Principal": {"AWS": "arn:aws:iam::123456789012:root"}'),
        ('"s3:*"', '"s3:GetObject"'),
        ('/*"', '/public/*"'),
        ('"false"', '"true"'),
        ('{"aws:SecureTransport": "false"}', '{"aws:SecureTransport": "false", "aws:ViaAWSService": "true"}'),
    ],
)
def test_a_bucket_policy_must_require_tls(old: str, new: str) -> None:
    plan = judged_plan("prod")
    policy = plan.named("aws:s3/bucketPolicy:BucketPolicy", "prod-blog-data-raw")
    document = policy.inputs["policy"]
    assert old in document
    changed = policy.with_value("policy", document.replace(old, new))
    assert plan.is_stopped_by(changed, {"inventory/bucket-without-tls"})


# --- an update: the gate judges each resource before it is created ---


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_an_update_of_the_plan_passes(stack: str) -> None:
    plan = judged_plan(stack)
    assert plan.update(plan.resources) == {}


def plan_with(plan: JudgedPlan, *added: Planned) -> list[Planned]:
    """Return the plan's resources, with changed ones in their places and added ones at the end."""
    changed = {resource.asked.urn: resource for resource in added}
    return [changed.pop(made.asked.urn, made) for made in plan.resources] + list(changed.values())


TARGET_GROUP: Final = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/other/0123456789abcdef"
EARLY: Final = (
    ("aws:lb/listener:Listener prod-edge", "certificateArn", "other", "foreign-reference"),
    (f"{RULE} prod-portal", "listenerArn", "other", "foreign-reference"),
    (f"{RULE} prod-pipelines", "actions.1.targetGroupArn", TARGET_GROUP, "foreign-reference"),
    ("aws:ec2/securityGroup:SecurityGroup prod-edge", "description", "sg-0f0f0f0f", "pinned-network"),
    ("aws:s3/bucket:Bucket prod-blog-data-raw", "tags.a", "pl-0f0f0f0f", "pinned-network"),
)
"""Type and name, path, a new value there, and the rule that stops it; rules differ for resources with one name."""


def test_values_that_become_known_in_an_update_are_judged_before_use() -> None:
    plan = judged_plan("prod")
    changed = [plan.named(*which.split()).with_value(path, value) for which, path, value, _ in EARLY]
    stopped = plan.update(plan_with(plan, *changed))
    expected = {(resource.name, f"inventory/{rule}") for resource, (*_, rule) in zip(changed, EARLY, strict=True)}
    assert len(expected) == len(EARLY)
    assert expected <= {(name, rule) for name, rules in stopped.items() for rule in rules}


def test_resources_registered_only_in_an_update_are_stopped_before_creation() -> None:
    plan = judged_plan("prod")
    (rule, *_) = [made for made in plan.resources if made.type == RULE]
    header = condition_with_the_header(rule)[1]
    more = rule.called("more")
    note = plan.added("aws:s3/bucket:Bucket", {"bucket": "prod-note", "tags": {"note": header[::-1]}}, "note")
    record = {
        "zoneId": "it",
        "name": "_0.portal.rocketclub.online",
        "type": "CNAME",
        "content": "_1.acm-validations.aws",
    }
    another = plan.added("cloudflare:index/dnsRecord:DnsRecord", record, "another")
    stopped = plan.update(plan_with(plan, more, note, another))
    assert stopped.keys() == {"more", "note", "another"}
    assert "inventory/unagreed-number" in stopped["more"]
    assert "inventory/copied-secret" in stopped["note"]
    assert "inventory/foreign-validation" in stopped["another"]


def test_each_kind_has_at_least_three_variants() -> None:
    counts = Counter((row["row"], row["kind"]) for row in ROWS)
    assert {kind: count for kind, count in counts.items() if count < 3} == {}
    assert {row for row, _ in counts} == {3, 4, 5, 8, 11}
