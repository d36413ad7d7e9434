"""Plans a project in another process, on this folder's embedded engine, judged by the gate of any folder."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, cast

from stackfiles.plan_document import PlanDocument

_CODE: Final = Path(__file__).resolve().parents[2]


def judged(project: Path, stack: str, judges: Path) -> PlanDocument:
    """Return the plan of one stack of a project, judged by the gate in a folder.

    It runs in another process, so that the program can't affect this one. Without a complete plan there is no verdict,
    whatever the exit code, since a program can end its own process.
    """
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "plan.json"
        options = ["--project", project, "--stack", stack, "--judge-with", judges, "--quiet", "--json", output]
        command = [sys.executable, "-m", "rehearsal", *map(str, options)]
        done = subprocess.run(command, cwd=_CODE, capture_output=True, text=True, check=False)  # noqa: S603
        try:
            plan = cast(PlanDocument, json.loads(output.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            said = (done.stderr + done.stdout).strip().splitlines()
            plan = {"steps": [], "policyViolations": [], "error": said[-1] if said else "the process left no plan"}
    mandatory = any(violation["level"] != "advisory" for violation in plan["policyViolations"])
    if not plan.get("error") and not mandatory and (done.returncode or not plan["steps"]):
        plan["error"] = f"the plan is empty or ended with exit code {done.returncode}"
    return plan
