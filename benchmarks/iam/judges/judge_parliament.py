"""parliament, by default or with its community auditors (mode `community`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.iam.judges import harness


def load(mode: str) -> harness.Judge:
    """Load parliament and return its judge in a mode."""
    import parliament  # type: ignore[import-not-found,unused-ignore]

    def judge(document: dict[str, Any]) -> Sequence[str]:
        findings = [
            finding.issue
            for text in document["texts"]
            for finding in parliament.analyze_policy_string(
                text, include_community_auditors=mode == "community"
            ).findings
        ]
        if document["kind"] == "trust":
            # It calls every trust policy malformed because it has no Resource, so that counts as no verdict.
            findings = [finding for finding in findings if finding != "MALFORMED"]
            if not findings:
                raise harness.NoVerdict
        return findings

    judge({"kind": "identity", "texts": [json.dumps({"Version": "2012-10-17", "Statement": []})]})
    return judge


harness.run(load)
