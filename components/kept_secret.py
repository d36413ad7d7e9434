"""A secret that Secrets Manager keeps and that passes through Pulumi, as a value that only an update knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pulumi
import pulumi_aws as aws

STAND_IN: Final = "known when it is applied"
"""What a preview has in its place. The gate knows it, and takes any other value for one that stands in the program."""


def kept_secret(arn: str, read: Callable[[str], str], *, in_previews: bool = False) -> pulumi.Output[str]:
    """Look a secret up by its ARN, or stand in for it in a preview; `read` makes the value of what is stored.

    The look-up's result isn't marked secret by the provider (pulumi/pulumi-aws#1449), so it is marked here.
    """
    if pulumi.runtime.is_dry_run() and not in_previews:
        return pulumi.Output.secret(STAND_IN)
    version = aws.secretsmanager.get_secret_version_output(secret_id=arn)
    return pulumi.Output.secret(version.secret_string).apply(lambda stored: read(str(stored)))
