"""What `up` would destroy, replace or fail to do, as the engine's own preview tells it: said before anything is asked.

The preview is made without the packs, since they judge the one that `up` itself makes.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from operations import engine_state
from rehearsal.reports.changes import planned_changes
from rehearsal.reports.consequences import IMPOSSIBLE, Consequence, consequences
from stackfiles.plan_document import PlanDocument


def foretell(preview: Sequence[str], folder: Path, stack: str) -> list[Consequence]:
    """Return the consequences of an update, the worst first; none where the stack has no resources yet.

    A preview that fails tells what it found until then. Why it failed, `up` says when it previews.

    Args:
        preview: The command line of the Pulumi CLI that previews the stack, without packs.
        folder: The project's folder.
        stack: The stack's name.

    Raises:
        Failure: the CLI can't export the stack's state.
    """
    if not engine_state.load(folder, stack).urns:
        return []
    done = subprocess.run(  # noqa: S603 - the CLI, with the stack's name
        [*preview, "--json", "--non-interactive"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    try:
        plan: PlanDocument = json.loads(done.stdout)
    except ValueError:
        return []
    return consequences(planned_changes(plan), plan) if "steps" in plan else []


def say(found: Sequence[Consequence]) -> int:
    """Print consequences, a line for each, and return how many of them can't succeed."""
    for consequence in found:
        print(consequence.line, flush=True)
    return sum(consequence.kind == IMPOSSIBLE for consequence in found)
