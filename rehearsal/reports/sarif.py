"""The packs' verdict as SARIF 2.1.0, the format that code scanning reads (docs.oasis-open.org/sarif/sarif/v2.1.0)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from rehearsal.reports.changed_lines import ChangedLines
from stackfiles.plan_document import PlanDocument, Violation, places, resource_label

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: Final = {"mandatory": "error", "advisory": "warning", "remediate": "error"}

_SECURITY_SEVERITY: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0"}
"""One value in each range of code scanning: critical is above 9, high 7 to 8.9, medium 4 to 6.9, low 0.1 to 3.9.
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning"""

_PROJECT_FILE: Final = "Pulumi.yaml"
"""The file for findings without a line in the program: code scanning requires one."""


def sarif(plan: PlanDocument, stack: str, changed: ChangedLines | None = None) -> dict[str, Any]:
    """Return the violations of a plan as a SARIF log with one run.

    If one of a violation's lines is in `changed`, it comes first: code scanning shows a finding on a pull request if
    its first line is part of the difference.
    """
    violations = plan["policyViolations"]
    ids = sorted({_rule(violation) for violation in violations})
    strongest = {
        _rule(violation): violation
        for violation in sorted(violations, key=lambda violation: float(_severity(violation) or 0))
    }
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "policy packs",
                        "rules": [
                            {
                                "id": id_,
                                "name": id_.rpartition("/")[2],
                                "shortDescription": {"text": id_},
                                "defaultConfiguration": {"level": _LEVELS[strongest[id_]["level"]]},
                                "properties": {
                                    "tags": ["security"],
                                    **(
                                        {"security-severity": _severity(strongest[id_])}
                                        if _severity(strongest[id_])
                                        else {}
                                    ),
                                },
                            }
                            for id_ in ids
                        ],
                    }
                },
                # One category per stack, so that the results of one stack never close those of another.
                "automationDetails": {"id": f"policy-packs/{stack}/"},
                "columnKind": "unicodeCodePoints",
                "results": [_result(violation, ids.index(_rule(violation)), changed or {}) for violation in violations],
            }
        ],
    }


def _rule(violation: Violation) -> str:
    return f"{violation['pack']}/{violation['policy']}"


def _severity(violation: Violation) -> str:
    return _SECURITY_SEVERITY.get(violation.get("severity", ""), "")


def _result(violation: Violation, index: int, changed: ChangedLines) -> dict[str, Any]:
    first, *others = _own_lines_first(places(violation), changed) or [f"{_PROJECT_FILE}:1"]
    urn = violation["urn"]
    fingerprint = hashlib.sha256(f"{_rule(violation)} {urn} {violation['message'].splitlines()[0]}".encode())
    return {
        "ruleId": _rule(violation),
        "ruleIndex": index,
        "level": _LEVELS[violation["level"]],
        "message": {"text": f"{resource_label(urn)}: {violation['message']}" if urn else violation["message"]},
        "locations": [
            {
                **_location(first),
                **({"logicalLocations": [{"fullyQualifiedName": urn, "kind": "resource"}]} if urn else {}),
            }
        ],
        **({"relatedLocations": list(map(_location, others))} if others else {}),
        # The line number changes with code above it; the rule and the resource stay the same.
        "partialFingerprints": {"ruleAndResource/v1": fingerprint.hexdigest()},
    }


def _own_lines_first(lines: Sequence[str], changed: ChangedLines) -> list[str]:
    """Sort lines: first those that the branch changed, then those in files that it changed, then others."""

    def distance(line: str) -> int:
        file, _, number = line.rpartition(":")
        return 0 if int(number) in changed.get(file, ()) else 1 if file in changed else 2

    return sorted(lines, key=distance)


def _location(line: str) -> dict[str, Any]:
    file, _, number = line.rpartition(":")
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": file, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": int(number)},
        }
    }
