"""The managed policies that bound what roles can ever do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.iam_documents import Statement, identity_policy
from components.naming import Names


@dataclass(frozen=True)
class PermissionsBoundaryArgs:
    """A boundary's name, what it bounds in a sentence, and the most that it lets through."""

    names: Names
    name: str
    description: str
    statements: Sequence[Statement]


class PermissionsBoundary(pulumi.ComponentResource):
    """A managed policy used as permissions boundary; only an administrator's apply may change it."""

    def __init__(self, args: PermissionsBoundaryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("rocketclub:iam:PermissionsBoundary", args.name, None, opts)
        aws.iam.Policy(
            args.name,
            name=args.name,
            path=args.names.role_path,
            description=args.description,
            policy=identity_policy(args.statements),
            tags=args.names.tags("iam"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": args.names.policy_arn(args.name)})
