"""The rulebook's analyzer gives the same answers as the policy SDK's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pulumi_policy
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies.rulebook import Finding, Judgement, Pack, Resource, Rules, Severity, Stack
from policies.rulebook.analyzer import Analyzer
from policies.rulebook.waivers import SCHEMA
from tests.policies.analyzer import secret

RULES: Final = Rules()
LIMIT: Final = {"limit": {"type": "number", "description": "A number", "default": 3}}
SAID: Final[dict[str, Any]] = {"title": "Title.", "remedy": "Mend it.", "source": "https://example.com/"}
ABOUT: Final = "urn:pulumi:prod::project::t:i:T::it"


@RULES.resource("one", severity=Severity.HIGH, config=LIMIT, **SAID)
def one(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    yield Finding(f"{resource.type} {resource.properties} {resource.provider} {judgement.config['limit']:g}")


@RULES.stack("whole", severity=Severity.LOW, **SAID)
def everything(stack: Stack, judgement: Judgement) -> Iterator[Finding]:
    for resource in stack:
        references = {key: sorted(urns) for key, urns in resource.references.items()}
        yield Finding(f"{resource.properties} {resource.parent} {references}", resource.urn)


def of_the_sdk() -> Any:  # noqa: ANN401 - it has no types
    """The same two rules, written with the SDK."""

    def one(args: pulumi_policy.ResourceValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        provider = dict(args.provider.props) if args.provider else {}
        limit = (args.get_config() or {"limit": 3})["limit"]
        report(f"{args.resource_type} {plain(args.props)} {provider} {limit:g}\nTo fix: Mend it.", None)

    def everything(args: pulumi_policy.StackValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        for item in args.resources:
            references = {key: sorted(one.urn for one in found) for key, found in item.property_dependencies.items()}
            parent = item.parent.urn if item.parent else ""
            report(f"{plain(item.props)} {parent} {references}\nTo fix: Mend it.", item.urn)

    more: dict[str, Any] = {
        "description": "Title.",
        "enforcement_level": pulumi_policy.EnforcementLevel.MANDATORY,
        "remediation_steps": "Mend it.",
        "url": "https://example.com/",
        "tags": ["pack:toy"],
    }
    configured = pulumi_policy.PolicyConfigSchema({**LIMIT, "waivers": dict(SCHEMA)})
    bare = pulumi_policy.PolicyConfigSchema({"waivers": dict(SCHEMA)})
    high, low = pulumi_policy.Severity.HIGH, pulumi_policy.Severity.LOW
    policies: list[pulumi_policy.Policy] = [
        pulumi_policy.ResourceValidationPolicy("one", validate=one, config_schema=configured, severity=high, **more),
        pulumi_policy.StackValidationPolicy("whole", validate=everything, config_schema=bare, severity=low, **more),
    ]
    level = pulumi_policy.EnforcementLevel.MANDATORY
    return _PolicyAnalyzerServicer("toy", "0.0.1", policies, level, description="A toy.")


def plain(value: Any) -> Any:  # noqa: ANN401 - what the SDK makes of JSON
    if isinstance(value, dict | pulumi_policy.proxy._DictProxy):
        return {key: plain(value[key]) for key in value}
    if isinstance(value, list | pulumi_policy.proxy._ListProxy):
        return [plain(value[index]) for index in range(len(value))]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def servers() -> tuple[Any, Any]:
    """Return the project's server and the SDK's; both accept None as the context of a call."""
    return Analyzer("toy", [Pack("toy", RULES)], "A toy."), of_the_sdk()


def test_both_analyzers_describe_their_rules_alike() -> None:
    ours, theirs = (server.GetAnalyzerInfo(Empty(), None) for server in servers())
    assert ours == theirs


@pytest.mark.parametrize("level", analyzer_pb2.EnforcementLevel.keys())
def test_both_analyzers_judge_alike_at_each_level(level: str) -> None:
    configuration = analyzer_pb2.ConfigureAnalyzerRequest()
    for id_ in ("one", "whole"):
        configuration.policyConfig[id_].enforcementLevel = analyzer_pb2.EnforcementLevel.Value(level)
    configuration.policyConfig["one"].properties.update({"limit": 7})
    provider = analyzer_pb2.AnalyzerProviderResource(urn="p", type="pulumi:providers:aws", name="default")
    provider.properties.update({"region": "eu-west-1"})
    request = analyzer_pb2.AnalyzeRequest(urn=ABOUT, type="t:i:T", name="it", provider=provider)
    request.properties.update(
        {"text": "a", "numbers": [1, 2.5], "flag": True, "nothing": None, "below": {"a": [{"b": "c"}], "empty": {}}}
    )
    whole = analyzer_pb2.AnalyzeStackRequest()
    for name in ("parent", "child"):
        resource = whole.resources.add(urn=name, type="t:i:T", name=name, parent="parent" if name == "child" else "")
        resource.properties.update({"name": name})
        resource.propertyDependencies["name"].urns.extend(["parent", "elsewhere"])
    ours, theirs = servers()
    for server in (ours, theirs):
        server.Configure(configuration, None)
    assert ours.Analyze(request, None) == theirs.Analyze(request, None)
    assert ours.AnalyzeStack(whole, None) == theirs.AnalyzeStack(whole, None)
    assert len(ours.Analyze(request, None).diagnostics) == int(level != "DISABLED")


def test_a_secret_is_not_shown_even_if_the_sdk_forgets_that_it_is_one() -> None:
    request = analyzer_pb2.AnalyzeRequest(urn=ABOUT, type="t:i:T", name="it")
    request.properties.update({"it": secret({"below": ["hunter2"]})})
    ours, theirs = (server.Analyze(request, None).diagnostics[0].message for server in servers())
    assert "hunter2" in theirs
    assert "hunter2" not in ours
    assert "[secret]" in ours
