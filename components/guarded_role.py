"""A role that can't exist without a permissions boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.iam_documents import Statement, identity_policy
from components.naming import Names


@dataclass(frozen=True)
class GuardedRoleArgs:
    """A role's name (known at preview), who may assume it, what it may do, and the boundary it can't exceed."""

    names: Names
    name: str
    description: str
    trust: str
    """Trust policy, JSON text."""
    statements: Sequence[Statement]
    boundary: str
    """Name of the managed policy that bounds the role."""
    component: str
    """Value of the `Component` tag."""
    managed_policies: Sequence[str] = ()
    """Names of managed policies that the role has beside its own statements."""


class GuardedRole(pulumi.ComponentResource):
    """An IAM role with a policy of its own, shared ones if it needs them, and always a permissions boundary."""

    arn: str
    """The role's ARN, built from its name."""

    def __init__(self, args: GuardedRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("rocketclub:iam:GuardedRole", args.name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            args.name,
            name=args.name,
            path=args.names.role_path,
            description=args.description,
            assume_role_policy=args.trust,
            permissions_boundary=args.names.policy_arn(args.boundary),
            tags=args.names.tags(args.component),
            opts=child,
        )
        aws.iam.RolePolicy(
            args.name,
            name=args.name,
            role=args.name,
            policy=identity_policy(args.statements),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[role])),
        )
        for policy in args.managed_policies:
            aws.iam.RolePolicyAttachment(
                f"{args.name}-{policy}",
                role=args.name,
                policy_arn=args.names.policy_arn(policy),
                opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[role])),
            )
        self.arn = args.names.role_arn(args.name)
        self.register_outputs({"arn": self.arn})
