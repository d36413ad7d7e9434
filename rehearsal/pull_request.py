"""`python -m rehearsal.pull_request PLAN.json`: a plan as a comment on a pull request, and its findings as SARIF.

The plan comes from `python -m rehearsal --json` (the embedded engine) or `python -m operations deploy preview --json`
(the real one). `python -m rehearsal.comment` posts the comment.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rehearsal.reports.changed_lines import changed_since
from rehearsal.reports.markdown import markdown, stack_name
from rehearsal.reports.sarif import sarif
from stackfiles import plan_file, text_file
from stackfiles.failures import BadConfiguration, Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report to stdout and return the exit code: 0, or 2 if an input can't be read."""
    given = _parser().parse_args(arguments)
    try:
        plan = plan_file.read(given.plan)
        base = plan_file.read(given.base) if given.base else None
        access = text_file.read(given.access) if given.access else ""
        diagram = _mermaid(given.diagram) if given.diagram else ""
        if given.sarif:
            changed = changed_since(given.changed_since, Path()) if given.changed_since else {}
            log = sarif(plan, stack_name(plan), changed)
            text_file.write(given.sarif, json.dumps(log, indent=2) + "\n", "--sarif")
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    print(markdown(plan, base, access, diagram), end="")
    return 0


def _mermaid(file: Path) -> str:
    """Return the diagram in a file: Mermaid text, or a Markdown page with it in a fence."""
    text = text_file.read(file)
    fenced = re.search(r"^```mermaid\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if file.suffix == ".md" and not fenced:
        raise BadConfiguration(f"{file} has no Mermaid diagram; accepted: a page with one, or Mermaid text")
    return fenced[1] if fenced else text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.pull_request",
        description="Write a plan as Markdown for a pull request: a summary line, policy results with source lines, "
        "changes by component, the access difference and the diagram.",
        epilog="Exit codes: 0 written, whatever the verdict; 2 an input can't be read.",
    )
    parser.add_argument("plan", type=Path, metavar="PLAN.json", help="the plan of either engine")
    parser.add_argument("--base", type=Path, metavar="FILE", help="the base branch's plan, to compare with")
    parser.add_argument("--access", type=Path, metavar="FILE", help="the access difference, as Markdown")
    parser.add_argument("--diagram", type=Path, metavar="FILE", help="a Mermaid file, or a Markdown page with one")
    parser.add_argument("--sarif", type=Path, metavar="FILE", help="write the policy results to a file, as SARIF 2.1.0")
    parser.add_argument(
        "--changed-since",
        metavar="REVISION",
        help="with --sarif: if one of a result's lines differs from this git revision, place the result there",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
