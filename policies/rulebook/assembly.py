"""From a table of rules to the Pulumi policy pack that the engine runs."""

from __future__ import annotations

import datetime as dt
import gc
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
from pulumi_policy import policy as sdk

from policies.rulebook import configuration, waivers
from policies.rulebook.resource import Json, Resource, Unjudgeable, plain
from policies.rulebook.rule import Finding, Judgement, Rule, Scope
from policies.rulebook.secret_marks import deserialize_properties

_ROOT: Final = "pulumi:pulumi:Stack"


def start(name: str, rules: Iterable[Rule], description: str) -> None:
    """Serve a pack to the engine. Returns when the engine ends the process."""
    # The engine says which values are secret; the SDK forgets it while it reads them.
    vars(sdk)["deserialize_properties"] = deserialize_properties
    gc.freeze()
    gc.enable()
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
    config = args.get_config() or {}
    if args.resource_type == _ROOT:
        # Every stack has one root resource, judged first: the place to judge the configuration, once.
        _judge_configuration(rule, config, report)
    if not rule.types or args.resource_type in rule.types:
        _judge(rule, config, args.urn, lambda judgement: rule.check(_resource(args), judgement), report)


def _judge_stack(rule: Rule, args: StackValidationArgs, report: ReportViolation) -> None:
    config = args.get_config() or {}
    _judge_configuration(rule, config, report)
    judged = [item for item in args.resources if not rule.types or item.resource_type in rule.types]
    _judge(rule, config, "", lambda judgement: rule.check([_resource(item) for item in judged], judgement), report)


def _resource(args: ResourceValidationArgs | PolicyResource) -> Resource:
    parent = args.opts.parent
    references: Mapping[str, frozenset[str]] = {}
    if isinstance(args, PolicyResource):
        parent = args.parent.urn if args.parent else parent
        references = {
            key: frozenset(item.urn for item in resources) for key, resources in args.property_dependencies.items()
        }
    return Resource(
        args.resource_type,
        args.urn,
        args.name,
        plain(args.props),
        args.opts.protect,
        parent or "",
        plain(args.provider.props) if args.provider else {},
        frozenset(args.opts.additional_secret_outputs),
        references,
    )


def _judge_configuration(rule: Rule, config: Mapping[str, Json], report: ReportViolation) -> None:
    granted, problems = waivers.parse(config.get("waivers", []))
    own = {key: value for key, value in config.items() if key != "waivers"}
    for problem in [*configuration.problems(own, rule.config), *problems]:
        report(f"{problem}.\nTo fix: mend the configuration of `{rule.id}`.", None)
    for waiver in granted:
        if waiver.expired(_today()):
            report(
                f"The waiver for `{waiver.resource}` (owner {waiver.owner}) expired on {waiver.expires}.\n"
                "To fix: mend the resource and remove the waiver, or renew it with its owner.",
                None,
            )


def _judge(
    rule: Rule,
    config: Mapping[str, Json],
    urn: str,
    check: Callable[[Judgement], Iterable[Finding]],
    report: ReportViolation,
) -> None:
    """Run one rule, apply its waivers and report; whatever goes wrong is a violation.

    `urn` is the resource judged, empty for a stack rule.
    """
    judgement = Judgement(pulumi.get_project(), pulumi.get_stack(), configuration.with_defaults(config, rule.config))
    findings: list[Finding] = []
    failure: Finding | None = None
    try:
        for finding in check(judgement):
            findings.append(finding)
    except Unjudgeable as unjudgeable:
        failure = Finding(f"{unjudgeable}.", unjudgeable.urn or urn)
    except Exception as error:
        # The type only: an exception's text may quote a property's value.
        failure = Finding(f"The rule failed with {type(error).__name__}; what it can't judge doesn't pass.", urn)
    granted, _ = waivers.parse(config.get("waivers", []))
    in_force = [waiver for waiver in granted if not waiver.expired(_today())]
    for finding in findings:
        if not any(waiver.covers(finding.urn or urn, finding.message) for waiver in in_force):
            _report(rule, finding, report)
    # A rule that failed left things unjudged. Only who waives the whole rule for the one resource waives those too.
    if failure and not any(urn and waiver.finding == "*" and waiver.names(urn) for waiver in in_force):
        _report(rule, failure, report)


def _report(rule: Rule, finding: Finding, report: ReportViolation) -> None:
    report(f"{finding.message}\nTo fix: {rule.remedy}", finding.urn or None)


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
