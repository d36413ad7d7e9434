"""Counts, across plans, how often it has been asked about a role."""

import itertools

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

numbers = itertools.count(1)


def count(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == "aws:iam/role:Role":
        report(f"The pack has been asked about {next(numbers)}.", None)


PolicyPack(
    "counting",
    [ResourceValidationPolicy("asked", "Each role is asked about once.", count)],
    EnforcementLevel.ADVISORY,
)
