"""Reports what reaches a pack: the resource, its options, its provider, the stack and the configuration."""

import json
import os

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.deserialize import serialize_properties


def resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
    seen = {
        "type": args.resource_type,
        "name": args.name,
        "properties": serialize_properties(args.props),
        "protect": args.opts.protect,
        "ignoreChanges": list(args.opts.ignore_changes),
        "parent": args.opts.parent,
        "provider": args.provider and serialize_properties(args.provider.props),
        "project": pulumi.get_project(),
        "stack": pulumi.get_stack(),
        "owner": pulumi.Config().get("owner"),
        "token": pulumi.Config().get("token"),
        "dryRun": pulumi.runtime.is_dry_run(),
        "folder": os.path.basename(os.getcwd()),
    }
    report(json.dumps(seen), None)


def stack(args: StackValidationArgs, report: ReportViolation) -> None:
    for one in args.resources:
        seen = {
            "properties": serialize_properties(one.props),
            "parent": one.parent and one.parent.urn,
            "dependencies": [other.urn for other in one.dependencies],
            "propertyDependencies": {
                key: [other.urn for other in others] for key, others in one.property_dependencies.items()
            },
        }
        report(json.dumps(seen), one.urn)


PolicyPack(
    "witness",
    [ResourceValidationPolicy("resource", "A rule.", resource), StackValidationPolicy("stack", "A rule.", stack)],
    EnforcementLevel.ADVISORY,
)
