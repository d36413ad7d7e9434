"""The rules of the house: one of each kind."""

from collections.abc import Awaitable, Mapping
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)

BUCKET = "aws:s3/bucket:Bucket"


def bucket_prefix(args: ResourceValidationArgs, report: ReportViolation) -> None:
    prefix = args.get_config()["prefix"]
    if args.resource_type == BUCKET and not args.props["bucket"].startswith(prefix):
        report(f"The name doesn't start with {prefix}.\nTo fix: rename the bucket.", None)


def untagged(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == BUCKET and "tags" not in args.props:
        report("The bucket has no tags.", None)


def tag(args: ResourceValidationArgs) -> Awaitable[Mapping[str, Any]] | None:
    async def tagged() -> Mapping[str, Any]:
        return {**args.props, "tags": {"Owner": "house"}}

    return tagged() if args.resource_type == BUCKET and "tags" not in args.props else None


def lonely_bench(args: StackValidationArgs, report: ReportViolation) -> None:
    benches = [one for one in args.resources if one.resource_type == "workshop:index:Bench"]
    if len(benches) == 1:
        report("There is only one bench.", benches[0].urn)


def unsigned(args: StackValidationArgs, report: ReportViolation) -> None:
    report("Nobody signed for the stack.", "urn:pulumi:nowhere::nothing::a:b:C::none")


PolicyPack(
    "house",
    [
        ResourceValidationPolicy(
            "bucket-prefix",
            "Buckets carry the house's prefix.",
            bucket_prefix,
            config_schema=PolicyConfigSchema(
                {"prefix": {"type": "string", "minLength": 2, "default": "rc-"}, "why": {"type": "string"}}
            ),
            severity=Severity.HIGH,
        ),
        ResourceValidationPolicy("untagged", "Buckets carry tags.", untagged, EnforcementLevel.DISABLED, remediate=tag),
        StackValidationPolicy("lonely-bench", "A bench needs company.", lonely_bench, EnforcementLevel.ADVISORY),
        StackValidationPolicy("unsigned", "Stacks are signed.", unsigned, EnforcementLevel.DISABLED),
    ],
    EnforcementLevel.MANDATORY,
)
