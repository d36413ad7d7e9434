"""What `up` would destroy, replace or fail to do, as the engine's own preview tells it: said before all else."""

from __future__ import annotations

import json

from rehearsal.reports.changes import planned_changes
from rehearsal.reports.consequences import IMPOSSIBLE, consequences
from stackfiles.plan_document import PlanDocument


def say(plan: PlanDocument) -> int:
    """Print the consequences of a real engine's plan, a line for each, and return how many can't succeed."""
    found = consequences(planned_changes(plan), plan)
    for consequence in found:
        print(consequence.line, flush=True)
    return sum(consequence.kind == IMPOSSIBLE for consequence in found)


def say_written(preview: bytes) -> int:
    """Do the same with what `pulumi preview --json` wrote. One that failed tells what it found until then."""
    try:
        plan: PlanDocument = json.loads(preview)
    except ValueError:
        return 0  # `up` previews too, and says why it can't
    return say(plan) if "steps" in plan else 0
