"""The secrets that the program creates: without a value, so that no value ever enters the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.catalogue import Secret
from components.naming import Names


@dataclass(frozen=True)
class SecretContainersArgs:
    """The secrets to create, and for how many days a deleted one can be restored (0, or 7 to 30)."""

    names: Names
    secrets: Sequence[Secret]
    recovery_days: int
    protect: bool


class SecretContainers(pulumi.ComponentResource):
    """Secrets Manager secrets without a version; `operations` writes their values, which never enter the state.

    `arns` maps each secret's path in the catalogue to its ARN, which is unknown until the secret exists.
    """

    def __init__(self, name: str, args: SecretContainersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:secrets:SecretContainers", name, None, opts)
        self.arns: dict[str, pulumi.Output[str]] = {}
        for secret in args.secrets:
            container = aws.secretsmanager.Secret(
                secret.path,
                name=secret.name(args.names),
                description=f"{secret.purpose}; {secret.shape}",
                recovery_window_in_days=args.recovery_days,
                tags=args.names.tags("secrets"),
                opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
            )
            self.arns[secret.path] = container.arn
        self.register_outputs({"arns": self.arns})
