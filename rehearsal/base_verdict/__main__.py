"""`python -m rehearsal.base_verdict --branch FOLDER`: judge a branch's program with the gate of this folder.

It is started in a checkout of the base branch, so that engine, packs, their configuration and their waivers are those
that the branch can't have changed. The report has both verdicts, what the branch changes about the gate, and what that
lets pass.

The branch's program runs here as it does everywhere. So this holds against a changed gate, but not against a program
that is written to deceive whoever runs it: people read programs, and the deploy judges what is really registered.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from rehearsal.base_verdict import gate_changes
from rehearsal.base_verdict.report import GateReport, StackVerdicts, gate_markdown
from stackfiles import project, text_file
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import PlanDocument

BASE: Final = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the branch, write the report and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        report = _report(given.branch.resolve(), tried=given.breakages)
        for verdict in report.verdicts if given.plans else ():
            text_file.write(given.plans / f"plan.{verdict.stack}.json", json.dumps(verdict.base, indent=2) + "\n")
        if given.report:
            text_file.write(given.report, gate_markdown(report, violations=not given.plans))
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    for verdict in report.verdicts:
        print(f"{verdict.stack}: {verdict.base_words} by the base branch's gate, {verdict.own_words} by its own")
    return 0 if report.passed else 1


def _report(branch: Path, *, tried: str) -> GateReport:
    if branch == BASE:
        raise BadConfiguration("--branch is this folder; accepted: another checkout, whose program is judged here")
    stacks = project.stacks(branch)
    if not stacks:
        raise BadConfiguration(f"there is no Pulumi.<stack>.yaml in {branch}")
    changes = gate_changes.changed_files(BASE, branch)
    verdicts = []
    for stack in stacks:
        base = _judged(branch, stack, BASE)
        verdicts.append(StackVerdicts(stack, base, _judged(branch, stack, branch) if changes else base))
    passing = (
        gate_changes.passing_cases(BASE, branch, every_breakage=tried == "all") if changes and tried != "none" else []
    )
    return GateReport(verdicts, changes, passing)


def _judged(branch: Path, stack: str, judges: Path) -> PlanDocument:
    """Return the plan of the branch's program, judged by the gate in a folder.

    It's made by another process, so that nothing of the program reaches this one. Without a whole plan there is no
    verdict, whatever the exit code: a program can end its process.
    """
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "plan.json"
        options = ["--project", branch, "--stack", stack, "--judge-with", judges, "--quiet", "--json", output]
        command = [sys.executable, "-m", "rehearsal", *map(str, options)]
        done = subprocess.run(command, cwd=BASE, capture_output=True, text=True, check=False)  # noqa: S603
        try:
            plan = cast(PlanDocument, json.loads(output.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            said = (done.stderr + done.stdout).strip().splitlines()
            plan = {"steps": [], "policyViolations": [], "error": said[-1] if said else "the process left no plan"}
    mandatory = any(violation["level"] != "advisory" for violation in plan["policyViolations"])
    if not plan.get("error") and not mandatory and (done.returncode or not plan["steps"]):
        plan["error"] = f"the plan is empty or ended with exit code {done.returncode}"
    return plan


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.base_verdict",
        description="Judge a branch's program with the packs, configuration, waivers and embedded engine of this "
        "folder, which holds the base branch. Tell what the branch changes about the gate, and what that lets pass.",
        epilog="Exit codes: 0 every stack passes the gate of this folder; 1 one doesn't; 2 bad usage.",
    )
    parser.add_argument("--branch", type=Path, required=True, metavar="FOLDER", help="the checkout that is judged")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there, Markdown")
    parser.add_argument(
        "--plans",
        type=Path,
        metavar="FOLDER",
        help="write each stack's plan there, plan.<stack>.json, with what this folder's gate says; the report leaves "
        "that out, since one on the plan has it",
    )
    parser.add_argument(
        "--breakages",
        choices=("all", "additions", "none"),
        default="all",
        help="which of this folder's deliberate breakages a changed gate is tried on: all take minutes, those that "
        "only add to the program take seconds (default: all)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
