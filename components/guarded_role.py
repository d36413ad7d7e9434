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
    """Who can assume a role, what it may do, and the boundary that it can't exceed."""

    names: Names
    description: str
    trust: str
    """Trust policy, JSON text."""
    statements: Sequence[Statement]
    boundary: str
    """The program's name for the managed policy that is the role's boundary."""
    component: str
    """Value of the `Component` tag."""
    managed_policies: Sequence[str] = ()
    """The program's names for the managed policies that are attached to the role."""


class GuardedRole(pulumi.ComponentResource):
    """An IAM role with an inline policy, shared managed policies if it needs them, and always a permissions boundary.

    Its name is the component's, or the one that the settings give, so it is known at preview.
    """

    arn: str
    """The role's ARN, built from its name."""

    def __init__(self, name: str, args: GuardedRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:iam:GuardedRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=args.names.role(name),
            path=args.names.role_path,
            description=args.description,
            assume_role_policy=args.trust,
            permissions_boundary=args.names.policy_arn(args.boundary),
            tags=args.names.tags(args.component),
            opts=child,
        )
        aws.iam.RolePolicy(
            name,
            name=args.names.fixed("rolePolicies", name, "name", name),
            role=args.names.role(name),
            policy=identity_policy(args.statements),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[role])),
        )
        for policy in args.managed_policies:
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy}",
                role=args.names.role(name),
                policy_arn=args.names.policy_arn(policy),
                opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[role])),
            )
        self.arn = args.names.role_arn(name)
        self.register_outputs({"arn": self.arn})
