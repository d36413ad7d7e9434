"""Dies at the first resource."""

import os
import sys

from pulumi_policy import PolicyPack, ReportViolation, ResourceValidationArgs, ResourceValidationPolicy


def fall(_args: ResourceValidationArgs, _report: ReportViolation) -> None:
    print("out of memory", file=sys.stderr)
    os._exit(9)


PolicyPack("crashing", [ResourceValidationPolicy("fall", "A rule.", fall)])
