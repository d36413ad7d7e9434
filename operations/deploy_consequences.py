"""Prints what `up` would destroy, replace or fail to do, according to the engine's own preview."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rehearsal.reports.changes import planned_changes
from rehearsal.reports.consequences import IMPOSSIBLE, Consequence, consequences
from stackfiles.plan_document import PlanDocument, resource_label


def say(plan: PlanDocument) -> int:
    """Print the consequences of a real engine's plan, one per line, and return how many can't succeed."""
    found = [*_waits(plan), *consequences(planned_changes(plan), plan)]
    for consequence in found:
        print(consequence.line, flush=True)
    return sum(consequence.kind == IMPOSSIBLE for consequence in found)


def _waits(plan: PlanDocument) -> Iterator[Consequence]:
    """Yield the resources that depend on one that this update leaves out and that doesn't exist yet.

    The engine would apply them, and write a state that it can't read any more, with a reference to a missing resource.
    """
    left_out = {
        step["urn"]
        for step in plan["steps"]
        if step["op"] == "same" and (old := step.get("oldState")) and old["custom"] and "id" not in old
    }
    for step in plan["steps"]:
        state = step.get("newState")
        waited = sorted(left_out.intersection(state.get("dependencies", ()))) if state and state["custom"] else []
        if waited and step["urn"] not in left_out:
            named = " and ".join(map(resource_label, waited))
            text = f"depends on {named}, which doesn't exist and which this update leaves out. Apply all of it at once."
            yield Consequence(IMPOSSIBLE, step["urn"], text, "")


def say_written(preview: bytes) -> int:
    """Do the same with the output of `pulumi preview --json`. A failed preview contains what it found until then."""
    try:
        plan: PlanDocument = json.loads(preview)
    except ValueError:
        return 0  # `up` previews too, and shows the error
    return say(plan) if "steps" in plan else 0
