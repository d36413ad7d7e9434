"""What a pack objects to, as the page has it."""

from __future__ import annotations

from typing import Any

from stackfiles.plan_document import Violation, places


def violation(said: Violation) -> dict[str, Any]:
    """Return a violation: rule, level, severity, URN, message, and the lines that it is about."""
    return {
        "rule": f"{said['pack']}/{said['policy']}",
        "level": said["level"],
        "severity": said.get("severity", ""),
        "urn": said["urn"],
        "message": said["message"],
        "lines": places(said),
    }
