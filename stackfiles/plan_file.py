"""Reads the plan of one stack from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from stackfiles import text_file
from stackfiles.failures import BadConfiguration
from stackfiles.plan_document import PlanDocument


def read(file: Path) -> PlanDocument:
    """Return the plan that either engine wrote to a file.

    Raises:
        BadConfiguration: it can't be read or isn't the plan of one stack.
    """
    try:
        document = json.loads(text_file.read(file))
    except ValueError:
        document = None
    if not isinstance(document, dict) or "steps" not in document or "policyViolations" not in document:
        raise BadConfiguration(
            f"{file}: isn't the plan of one stack; accepted: a file from `python -m rehearsal --json` or "
            "`python -m operations deploy preview --json`"
        )
    return cast(PlanDocument, document)
