"""Never answers about a resource."""

import time

from pulumi_policy import PolicyPack, ReportViolation, ResourceValidationArgs, ResourceValidationPolicy


def think(_args: ResourceValidationArgs, _report: ReportViolation) -> None:
    time.sleep(600)


PolicyPack("stuck", [ResourceValidationPolicy("think", "A rule.", think)])
