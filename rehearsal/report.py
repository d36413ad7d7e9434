"""The report for people: what would be created, what the packs say, and one line to sum up."""

from __future__ import annotations

import os
import sys
from itertools import groupby
from textwrap import fill
from typing import Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from rehearsal.failures import Failure
from rehearsal.plan import ROOT_TYPE, Plan, Step, Violation

_INDENT: Final = "    "
_WIDTH: Final = 100
"""Columns when the output isn't a terminal: fits a pull request."""


def write(plan: Plan, failure: Failure | None, *, quiet: bool, to_stderr: bool) -> None:
    """Write the report to stdout (or stderr), with colours on a terminal only."""
    stream = sys.stderr if to_stderr else sys.stdout
    if sys.stderr.isatty():
        print("\r\033[2K", end="", file=sys.stderr, flush=True)
    # Rich heeds NO_COLOR; FORCE_COLOR would colour what is pasted elsewhere.
    console = Console(
        file=stream,
        force_terminal=None if stream.isatty() else False,
        width=None if stream.isatty() else int(os.environ.get("COLUMNS", _WIDTH)),
        highlight=False,
        markup=False,
        emoji=False,
    )
    if not quiet and failure is None:
        console.print(_tree(plan))
        console.print()
    for remediation in plan.remediations:
        if not quiet:
            console.print(f"changed by {remediation.pack}/{remediation.policy}: {_name(remediation.urn)}")
    for severity, text in plan.diagnostics:
        if severity != "info" or not quiet:
            console.print(Text(f"{severity}: {text}", style="yellow" if severity != "info" else ""))
    ordered = sorted(plan.violations, key=lambda violation: violation.pack)
    for pack, violations in groupby(ordered, key=lambda violation: violation.pack):
        console.print(Text(pack, style="bold"))
        for violation in violations:
            _violation(console, violation)
    if failure is not None:
        console.print(Text(f"error: {failure}", style="bold red"))
    console.print(_summary(plan, failure))


def _tree(plan: Plan) -> Tree:
    root = Tree(Text(f"{plan.project}-{plan.stack}", style="bold"), guide_style="dim")
    branches = {"": root}
    for step in plan.created:
        if step.type == ROOT_TYPE:
            branches[step.urn] = root
            continue
        branches[step.urn] = branches.get(step.parent, root).add(_label(step))
    return root


def _label(step: Step) -> Text:
    label = Text.assemble(("+ " if step.op == "create" else "= ", "green"), step.name, "  ", (step.type, "dim"))
    if step.protect:
        label.append("  protected", style="dim")
    return label


def _violation(console: Console, violation: Violation) -> None:
    style = "red" if violation.mandatory else "yellow"
    head = Text.assemble("  ", (violation.level, style), f"  {violation.policy}  ", (_name(violation.urn), "bold"))
    if violation.severity:
        head.append(f"  ({violation.severity})", style="dim")
    console.print(head)
    for line in violation.message.splitlines():
        print(
            fill(
                line,
                console.width,
                initial_indent=_INDENT,
                subsequent_indent=_INDENT,
                break_long_words=False,
                break_on_hyphens=False,
            ),
            file=console.file,
        )
    if violation.source:
        console.print(
            Text(f"{_INDENT}at {violation.source.removeprefix('project:///').replace('#', ':')}", style="dim")
        )


def _name(urn: str) -> str:
    """Return `name (type)` for a URN."""
    parts = urn.split("::")
    return f"{parts[-1]} ({parts[2].rpartition('$')[2]})" if len(parts) > 3 else urn


def _summary(plan: Plan, failure: Failure | None) -> Text:
    mandatory = sum(violation.mandatory for violation in plan.violations)
    advisory = len(plan.violations) - mandatory
    passed = plan.passed and failure is None
    outcome = "passed" if passed else "failed"
    counts = [
        f"{count} {level} violation{'' if count == 1 else 's'}"
        for count, level in ((mandatory, "mandatory"), (advisory, "advisory"))
        if count
    ]
    text = (
        f"{plan.stack}: {len(plan.created)} resources to create, {plan.packs} packs, {plan.rules} rules: "
        f"{outcome}" + (f", {', '.join(counts)}" if counts else "")
    )
    return Text(text, style="bold green" if passed else "bold red")
