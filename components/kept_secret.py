"""A secret from Secrets Manager that passes through Pulumi; only an update knows its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pulumi
import pulumi_aws as aws

STAND_IN: Final = "known when it is applied"
"""A preview's stand-in for the value. The gate takes every other value for a secret written in the program."""


def kept_secret(arn: str, read: Callable[[str], str], *, in_previews: bool = False) -> pulumi.Output[str]:
    """Look a secret up by its ARN, or return the stand-in in a preview; `read` gets the value from what is stored.

    The provider doesn't mark the look-up's result as secret (pulumi/pulumi-aws#1449), so it is marked here.
    """
    if pulumi.runtime.is_dry_run() and not in_previews:
        return pulumi.Output.secret(STAND_IN)
    version = aws.secretsmanager.get_secret_version_output(secret_id=arn)
    return pulumi.Output.secret(version.secret_string).apply(lambda stored: read(str(stored)))
