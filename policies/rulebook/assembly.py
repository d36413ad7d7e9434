"""From a table of rules to the Pulumi policy pack that the engine runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from rulebook import waivers
from rulebook.resource import Json, Resource, Unjudgeable, plain
from rulebook.rule import Finding, Judgement, Rule, Scope

_ROOT: Final = "pulumi:pulumi:Stack"


def start(name: str, rules: Iterable[Rule], description: str) -> None:
    """Serve a pack to the engine. Returns when the engine ends the process."""
    PolicyPack(name, assemble(rules), EnforcementLevel.MANDATORY, description=description)


def assemble(rules: Iterable[Rule]) -> list[Policy]:
    """Turn rules into Pulumi policies, one each, mandatory, with the rule's metadata."""
    return [_policy(rule) for rule in rules]


def _policy(rule: Rule) -> Policy:
    metadata: dict[str, Any] = {
        "name": rule.id,
        "description": rule.title,
        "enforcement_level": EnforcementLevel.MANDATORY,
        "config_schema": PolicyConfigSchema(
            {**{key: dict(schema) for key, schema in rule.config.items()}, "waivers": dict(waivers.SCHEMA)}
        ),
        "severity": rule.severity,
        "remediation_steps": rule.remedy,
        "url": rule.source,
    }
    if rule.scope is Scope.STACK:
        return StackValidationPolicy(validate=partial(_judge_stack, rule), **metadata)
    return ResourceValidationPolicy(validate=partial(_judge_resource, rule), **metadata)


def _judge_resource(rule: Rule, args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == _ROOT:
        # Every stack has one root resource, judged first: the place to judge the configuration, once.
        _judge_waivers(args.get_config(), report)
    if rule.types and args.resource_type not in rule.types:
        return
    resource = _resource(args)
    _judge(rule, args.get_config(), resource.urn, partial(rule.check, resource), report)


def _judge_stack(rule: Rule, args: StackValidationArgs, report: ReportViolation) -> None:
    _judge_waivers(args.get_config(), report)
    resources = [
        _resource(resource)
        for resource in args.resources
        if not rule.types or resource.resource_type in rule.types
    ]
    _judge(rule, args.get_config(), "", partial(rule.check, resources), report)


def _resource(args: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(
        args.resource_type,
        args.urn,
        args.name,
        plain(args.props),
        bool(args.opts and args.opts.protect),
        (args.opts and args.opts.parent) or "",
    )


def _judge_waivers(config: Mapping[str, Json] | None, report: ReportViolation) -> None:
    granted, problems = waivers.parse((config or {}).get("waivers", []))
    for problem in problems:
        report(f"{problem}.", None)
    for waiver in granted:
        if waiver.expired(_today()):
            report(
                f"The waiver for `{waiver.resource}` (owner {waiver.owner}) expired on {waiver.expires}.\n"
                "To fix: mend the resource and remove the waiver, or renew it with its owner.",
                None,
            )


def _judge(
    rule: Rule,
    config: Mapping[str, Json] | None,
    urn: str,
    check: Callable[[Judgement], Iterable[Finding]],
    report: ReportViolation,
) -> None:
    """Run one rule, apply its waivers and report; whatever goes wrong is a violation."""
    config = config or {}
    judgement = Judgement(
        pulumi.get_project(),
        pulumi.get_stack(),
        {key: config.get(key, schema.get("default")) for key, schema in rule.config.items()},
    )
    try:
        findings = list(check(judgement))
    except Unjudgeable as unjudgeable:
        findings = [Finding(f"{unjudgeable}.", urn)]
    except Exception as error:
        # The type only: an exception's text may quote a property's value.
        findings = [
            Finding(f"The rule failed with {type(error).__name__}; what it can't judge doesn't pass.", urn)
        ]
    granted, _ = waivers.parse(config.get("waivers", []))
    for finding in findings:
        if not any(
            waiver.covers(finding.urn or urn, finding.message) and not waiver.expired(_today())
            for waiver in granted
        ):
            report(f"{finding.message}\nTo fix: {rule.remedy}", finding.urn or None)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
