"""Prints a lot, then fails at the first resource."""

from pulumi_policy import PolicyPack, ReportViolation, ResourceValidationArgs, ResourceValidationPolicy


def stumble(_args: ResourceValidationArgs, _report: ReportViolation) -> None:
    print("x" * 1_000_000)
    raise ValueError("a rule with a hole")


PolicyPack("raising", [ResourceValidationPolicy("stumble", "A rule.", stumble)])
