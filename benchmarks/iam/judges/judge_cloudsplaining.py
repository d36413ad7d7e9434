"""cloudsplaining in the way of its `scan-policy-file`; mode `all` is its `--flag-all-risky-actions`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from benchmarks.iam.judges import harness


def load(mode: str) -> harness.Judge:
    """Load cloudsplaining and return its judge in a mode."""
    from cloudsplaining.command.scan_policy_file import scan_policy  # type: ignore[import-not-found,unused-ignore]
    from cloudsplaining.scan.assume_role_policy_document import (  # type: ignore[import-not-found,unused-ignore]
        AssumeRolePolicyDocument,
    )
    from cloudsplaining.scan.resource_policy_document import (  # type: ignore[import-not-found,unused-ignore]
        ResourcePolicyDocument,
    )

    logging.disable(logging.CRITICAL)
    everything = mode == "all"

    def judge(document: dict[str, Any]) -> Sequence[str]:
        policies = [json.loads(text) for text in document["texts"]]
        if document["kind"] == "trust":
            trust = AssumeRolePolicyDocument(policies[0], current_account_id=document["account"] or None)
            return [
                *trust.role_assumable_by_any_principal,
                *trust.role_assumable_by_any_principal_with_conditions,
                *trust.role_assumable_by_cross_account_principals,
            ]
        if document["kind"] == "resource":
            return list(ResourcePolicyDocument(policies[0]).internet_accessible_actions)
        return [
            category
            for policy in policies
            for category, result in scan_policy(
                policy, flag_conditional_statements=everything, flag_resource_arn_statements=everything
            ).items()
            if isinstance(result, dict) and result.get("findings")
        ]

    return judge


harness.run(load)
