"""`python -m rehearsal.base_verdict --branch FOLDER`: judge a branch's program with the gate of this folder.

It runs in a checkout of the base branch, so the branch can't have changed the engine, the packs, their configuration or
their waivers. The report has both verdicts, what the branch changes about the gate, and what that lets pass.

The branch's program runs here as it does everywhere. So this protects against a changed gate, but not against a program
that is written to deceive: people review programs, and the deploy judges what is really registered.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rehearsal.base_verdict import gate_changes
from rehearsal.base_verdict.judged import judged
from rehearsal.base_verdict.report import GateReport, StackVerdicts, gate_markdown
from stackfiles import project, text_file
from stackfiles.failures import BadConfiguration, Failure

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
        print(f"{verdict.stack}: base branch's gate: {verdict.base_words}; branch's own gate: {verdict.own_words}")
    return 0 if report.passed else 1


def _report(branch: Path, *, tried: str) -> GateReport:
    if branch == BASE:
        raise BadConfiguration("--branch is this folder; accepted: another checkout, with the program to judge")
    stacks = project.stacks(branch)
    if not stacks:
        raise BadConfiguration(f"there is no Pulumi.<stack>.yaml in {branch}")
    changes = gate_changes.changed_files(BASE, branch)
    verdicts = []
    for stack in stacks:
        base = judged(branch, stack, BASE)
        verdicts.append(StackVerdicts(stack, base, judged(branch, stack, branch) if changes else base))
    passing = (
        gate_changes.passing_cases(BASE, branch, every_breakage=tried == "all") if changes and tried != "none" else []
    )
    return GateReport(verdicts, changes, passing)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.base_verdict",
        description="Judge a branch's program with the packs, configuration, waivers and embedded engine of this "
        "folder, which is a checkout of the base branch. Report what the branch changes about the gate, and what that "
        "lets pass.",
        epilog="Exit codes: 0 every stack passes the gate of this folder; 1 one doesn't; 2 bad usage.",
    )
    parser.add_argument("--branch", type=Path, required=True, metavar="FOLDER", help="the checkout to judge")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report to a file, as Markdown")
    parser.add_argument(
        "--plans",
        type=Path,
        metavar="FOLDER",
        help="write each stack's plan with this folder's verdict to plan.<stack>.json; the report then leaves out the "
        "violations, for a report on the plan to show",
    )
    parser.add_argument(
        "--breakages",
        choices=("all", "additions", "none"),
        default="all",
        help="which of this folder's deliberate breakages to try on a changed gate: all of them take minutes, those "
        "that only add to the program take seconds (default: all)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
