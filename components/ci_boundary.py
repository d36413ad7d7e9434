"""The permissions boundaries of CI's roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from components.iam_documents import Statement
from components.naming import Names


def ci_boundary_statements(names: Names, statements: Sequence[Statement]) -> list[Statement]:
    """Return the boundary of a CI role: its permissions, widened from single names to this environment's.

    A boundary has to fit into one managed policy of 6,144 characters. So statements on the same resources are merged,
    tag conditions are left to the role's own policies, and reading actions are folded into patterns. What guards IAM
    and secret values stays as it is.
    """
    merged: dict[tuple[str, ...], tuple[Statement, set[str]]] = {}
    for statement in statements:
        secret_values = "secretsmanager:GetSecretValue" in statement.actions
        resources = sorted({arn if secret_values else _widened(names, arn) for arn in statement.resources})
        guarded = "iam:PutRolePolicy" in statement.actions
        kept = replace(statement, resources=resources, conditions=statement.conditions if guarded else {})
        _, actions = merged.setdefault((*resources, "guarded" if guarded else ""), (kept, set()))
        actions.update(map(_folded, statement.actions))
    return [replace(statement, actions=sorted(actions)) for statement, actions in merged.values()]


_FOLDED: Final = ("elasticloadbalancing:Describe", "logs:Get", "s3:GetBucket", "wafv2:Get")


def _folded(action: str) -> str:
    return next((f"{prefix}*" for prefix in _FOLDED if action.startswith(prefix)), action)


def _widened(names: Names, arn: str) -> str:
    """Return the pattern of this environment's resources of the kind that an ARN names."""
    kinds = (
        names.bucket_arn(names.resource("*")),
        names.secret_arn(names.secret("*")),
        names.parameter_arn(names.parameter("*")),
        names.role_arn("*"),
        names.load_balancing_arn("*"),
    )
    return next((kind for kind in kinds if arn.startswith(kind.removesuffix("*"))), arn)
