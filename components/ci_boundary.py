"""The permissions boundaries of CI's roles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from components.catalogue import SECRETS
from components.ci_state_permissions import STATE_FOLDER, STATE_SIDS
from components.iam_documents import Statement
from components.naming import Names


def ci_boundary_statements(names: Names, statements: Sequence[Statement]) -> list[Statement]:
    """Return the boundary of a CI role: its permissions, widened from single names to this environment's.

    A boundary has to fit into one managed policy of 6,144 characters, whatever the options, the region and the
    environment are. So each service has one statement, conditions are left to the role's own policies, and some actions
    are folded into patterns. Statements that protect IAM and secret values stay separate and keep their conditions.
    """
    guards: list[Statement] = []
    merged: dict[str, tuple[set[str], set[str]]] = {}
    for statement in statements:
        widened = _widened(names, statement)
        if any(action in statement.actions for action in _GUARDS):
            guards.append(replace(statement, resources=sorted(widened)))
        else:
            actions, resources = merged.setdefault(_group(statement), (set(), set()))
            actions.update(map(_folded, statement.actions))
            resources.update(widened)
    return [*guards, *(Statement(sid, sorted(actions), _joined(arns)) for sid, (actions, arns) in merged.items())]


def _joined(arns: Collection[str]) -> list[str]:
    """Return patterns of ARNs without those that another pattern covers."""
    return sorted(arn for arn in arns if not any(other != arn and fnmatchcase(arn, other) for other in arns))


_READ_VALUE: Final = "secretsmanager:GetSecretValue"
_NAMED: Final = {_READ_VALUE, "ecs:RunTask"}
"""Actions whose resources aren't widened: they say which value is read and which task is started."""
_GUARDS: Final = (_READ_VALUE, "secretsmanager:UpdateSecret", "iam:PutRolePolicy")
"""A statement with one of these actions is about secret values or about IAM."""
_FOLDED: Final = (
    "cloudfront:Get*",
    "ec2:AuthorizeSecurityGroup*",
    "ec2:DescribeSecurityGroup*",
    "ec2:RevokeSecurityGroup*",
    "ecs:DescribeService*",
    "elasticloadbalancing:Create*",
    "elasticloadbalancing:Describe*",
    "elasticloadbalancing:Modify*",
    "elasticloadbalancing:Set*",
    "iam:GetPolicy*",
    "iam:GetRole*",
    "iam:List*Role*",
    "iam:UpdateRole*",
    "lambda:Get*",
    "lambda:List*",
    "logs:Get*",
    "logs:PutDelivery*",
    "rds:CreateDB*",
    "rds:DescribeDB*",
    "s3:Get*Configuration",
    "s3:GetBucket*",
    "s3:PutBucket*",
    "ssm:GetParameter*",
    "wafv2:Create*",
    "wafv2:Get*",
    "wafv2:Update*",
)
"""Patterns that the boundary has in place of the actions that they match; none matches an action that deletes."""


def _group(statement: Statement) -> str:
    """Return the id of the merged statement: the service, or `anything` for actions that take no resource.

    Statements about the state stay separate, so that no other action reaches its bucket.
    """
    if statement.sid in STATE_SIDS:
        return "state"
    return "anything" if statement.resources == ["*"] else statement.actions[0].partition(":")[0]


def _folded(action: str) -> str:
    return next((pattern for pattern in _FOLDED if fnmatchcase(action, pattern)), action)


def _widened(names: Names, statement: Statement) -> set[str]:
    """Return a statement's resources, each as the pattern of this environment's resources of its kind.

    Shared secrets get the pattern of their folder. Secrets whose values the role reads and tasks that it starts stay as
    they are, and so does the state's bucket with everything that Pulumi keeps in it.
    """
    if not _NAMED.isdisjoint(statement.actions):
        return set(statement.resources)
    if statement.sid in STATE_SIDS:
        return {
            f"{bucket}{folder}*" if folder else bucket
            for bucket, folder, _ in (arn.partition(STATE_FOLDER) for arn in statement.resources)
        }
    kinds = (
        names.bucket_arn(names.resource("*")),
        *(
            names.secret_arn(f"{folder}/*")
            for folder in sorted({secret.name(names).split("/")[0] for secret in SECRETS})
        ),
        names.parameter_arn(names.parameter("*")),
        *names.role_arns,
        names.load_balancing_arn("*"),
        names.task_definition_arn(names.resource("*"), "*"),
    )
    return {next((kind for kind in kinds if fnmatchcase(arn, kind)), arn) for arn in statement.resources}
