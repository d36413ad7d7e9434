"""The role of the Lambda function that turns `.ork` design files into data."""

from __future__ import annotations

from components.catalogue import Reader
from components.guarded_role import GuardedRoleArgs
from components.iam_documents import lambda_trust
from components.naming import Names
from components.settings import Settings
from components.workload_permissions import ork_processor_statements


def ork_processor_role(names: Names, settings: Settings, boundary: str) -> GuardedRoleArgs:
    """Return the role of the `.ork` processor, bounded by the managed policy with the given name."""
    return GuardedRoleArgs(
        names=names,
        description="Processes .ork design files",
        trust=lambda_trust(names),
        statements=ork_processor_statements(names, settings),
        boundary=boundary,
        component=Reader.ORK_PROCESSOR,
    )
