"""The page's data about a violation."""

from __future__ import annotations

from typing import Any

from stackfiles.plan_document import Violation, places


def violation(said: Violation) -> dict[str, Any]:
    """Return a violation: its rule, level, severity, URN, message and source lines."""
    return {
        "rule": f"{said['pack']}/{said['policy']}",
        "level": said["level"],
        "severity": said.get("severity", ""),
        "urn": said["urn"],
        "message": said["message"],
        "lines": places(said),
    }
