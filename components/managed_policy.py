"""A managed policy: a permissions boundary, or permissions that several roles share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.iam_documents import Statement, identity_policy
from components.naming import Names


@dataclass(frozen=True)
class ManagedPolicyArgs:
    """A policy's name (known at preview), what it is for in a sentence, and its statements."""

    names: Names
    name: str
    description: str
    statements: Sequence[Statement]


class ManagedPolicy(pulumi.ComponentResource):
    """A managed policy of this environment; only an administrator's apply may change it, never CI's."""

    def __init__(self, args: ManagedPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("rocketclub:iam:ManagedPolicy", args.name, None, opts)
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
