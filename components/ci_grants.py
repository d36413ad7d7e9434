"""How CI's permissions are written: a table with one row for each purpose and its condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from components.iam_documents import Conditions, Statement
from components.naming import Names
from components.settings import Settings

Limit = Literal["none", "tagged", "tagged if made here", "tagged when made", "just made"]
"""`tagged`: only resources with this environment's tags. `tagged if made here`: the same, with `workloads: here` only.
`tagged when made`: only a request that sets the tags. `just made`: only within the call that creates the resource."""


@dataclass(frozen=True)
class Grant:
    """A row: the statement's id, the service, its actions, their target and a limit.

    `actions` are names, separated by spaces; an action of another service has the service as its prefix, such as
    `cloudfront:CreateDistribution`. `target` is one of the table's names for groups of ARNs.
    """

    sid: str
    service: str
    actions: str
    target: str
    limit: Limit = "none"

    @property
    def full_actions(self) -> list[str]:
        """The actions with their service, such as `ec2:CreateTags`."""
        return [action if ":" in action else f"{self.service}:{action}" for action in self.actions.split()]


SECURITY_GROUP_GRANTS: Final = (
    Grant("MakeSecurityGroupInVpc", "ec2", "CreateSecurityGroup", "vpc", "tagged if made here"),
    Grant("MakeSecurityGroup", "ec2", "CreateSecurityGroup", "security groups", "tagged when made"),
    Grant("TagNewSecurityGroup", "ec2", "CreateTags", "security groups and their rules", "just made"),
    Grant(
        "ManageSecurityGroup",
        "ec2",
        "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateTags DeleteSecurityGroup DeleteTags"
        " ModifySecurityGroupRules RevokeSecurityGroupEgress RevokeSecurityGroupIngress",
        "security groups and their rules",
        "tagged",
    ),
)
"""Grants to create, change and delete security groups and their rules."""


def security_group_arns(names: Names, settings: Settings) -> Mapping[str, list[str]]:
    """Return the ARNs of the targets of `SECURITY_GROUP_GRANTS`."""
    groups = names.ec2_arn("security-group/*")
    return {
        "vpc": [names.ec2_arn(f"vpc/{settings.vpc_id or '*'}")],
        "security groups": [groups],
        "security groups and their rules": [groups, names.ec2_arn("security-group-rule/*")],
    }


def granted_statements(
    grants: Sequence[Grant], names: Names, settings: Settings, arns: Mapping[str, Sequence[str]]
) -> list[Statement]:
    """Return a table's statements; `arns` has the ARNs of each target. A target without ARNs gets no statement."""
    makers = sorted({action for grant in grants for action in grant.full_actions if _tags_what_it_makes(grant, action)})
    conditions = _conditions(names, settings, [action.removeprefix("ec2:") for action in makers])
    return [
        Statement(grant.sid, grant.full_actions, arns[grant.target], conditions[grant.limit])
        for grant in grants
        if arns[grant.target]
    ]


def _tags_what_it_makes(grant: Grant, action: str) -> bool:
    """Tell whether an EC2 action creates something with tags; `Authorize…` creates a security group rule."""
    return grant.service == "ec2" and (grant.limit == "tagged when made" or ":AuthorizeSecurityGroup" in action)


def _conditions(names: Names, settings: Settings, makers: Sequence[str]) -> Mapping[Limit, Conditions]:
    owned = {key: value for key, value in names.tags("ci").items() if key in {"Project", "Environment"}}
    tagged: Conditions = {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in owned.items()}}
    return {
        "none": {},
        "tagged": tagged,
        "tagged if made here": tagged if settings.here else {},
        "tagged when made": {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in owned.items()}},
        "just made": {"StringEquals": {"ec2:CreateAction": makers}},
    }
