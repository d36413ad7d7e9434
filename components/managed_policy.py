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
    """A policy's description, in a sentence, and its statements."""

    names: Names
    description: str
    statements: Sequence[Statement]


class ManagedPolicy(pulumi.ComponentResource):
    """A managed policy of this environment, with the component's name unless the settings give another.

    Only an administrator can change it, never CI.
    """

    def __init__(self, name: str, args: ManagedPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:iam:ManagedPolicy", name, None, opts)
        aws.iam.Policy(
            name,
            name=args.names.policy(name),
            path=args.names.role_path,
            description=args.names.fixed("policies", name, "description", args.description),
            policy=identity_policy(args.statements),
            tags=args.names.tags("iam"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"arn": args.names.policy_arn(name)})
