"""The report for a terminal: what would be created, the packs' violations, and a summary line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap
from typing import Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from rehearsal.engine.plan import Plan, Step, Violation
from rehearsal.reports.changes import planned_changes
from rehearsal.reports.consequences import Consequence, consequences
from stackfiles.plan_document import ROOT_TYPE, enforced, lines_text, places, relaxed, resource_label, short_type
from stackfiles.visible_text import visible, visible_line

_INDENT: Final = "    "
_WIDTH: Final = 100
"""The width of wrapped text when the output isn't a terminal; it fits a pull request."""


def text(plan: Plan, *, terminal: bool, quiet: bool) -> str:
    """Return the report. Only a terminal gets colours, unless NO_COLOR is set; `quiet` leaves out the tree."""
    written = io.StringIO()
    console = Console(
        file=written,
        force_terminal=terminal,
        width=None if terminal else _WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        # Keeps names and ARNs on one line, so that they can be copied.
        soft_wrap=True,
    )
    if not quiet and plan.failure is None:
        console.print(_tree(plan))
        console.print()
        for remediation in plan.remediations:
            console.print(f"changed by {remediation.pack}/{remediation.policy}: {resource_label(remediation.urn)}")
    for severity, message in plan.diagnostics:
        if severity != "info":
            console.print(Text(f"{severity}: {visible(message)}", style="yellow"))
        elif not quiet:
            console.print(visible(message))
    for consequence in _certain(plan):
        console.print(Text(consequence.line, style="bold red"))
    # Printed in one call, because printing a line takes a hundred times as long as joining it.
    console.print(Text("\n").join([*_violations(plan, console.width), _summary(plan)]))
    return written.getvalue()


def _violations(plan: Plan, width: int) -> Iterator[Text]:
    """Yield the lines about violations, by pack."""
    ordered = sorted(plan.violations, key=lambda violation: violation.pack)
    for pack, violations in groupby(ordered, key=lambda violation: violation.pack):
        yield Text(pack, style="bold")
        for violation in violations:
            yield from _violation(violation, width)


def _certain(plan: Plan) -> list[Consequence]:
    """Return what can't succeed even on an empty account: two resources with one name."""
    document = plan.document()
    return consequences(planned_changes(document), document)


def _tree(plan: Plan) -> Tree:
    root = Tree(Text(f"{plan.project}-{plan.stack}", style="bold"), guide_style="dim")
    branches = {step.urn: root for step in plan.created if step.type == ROOT_TYPE}
    for step in plan.created:
        if step.type != ROOT_TYPE:
            branches[step.urn] = branches.get(step.parent, root).add(_label(step))
    return root


def _label(step: Step) -> Text:
    sign = {"create": "+", "import": "="}[step.op]
    label = Text.assemble(
        (f"{sign} ", "green"), f"{visible_line(step.name)}  ", (visible_line(short_type(step.type)), "dim")
    )
    return label.append("  protected", style="dim") if step.protect else label


def _violation(violation: Violation, width: int) -> Iterator[Text]:
    style = "bold red" if violation.mandatory else "yellow"
    about = (resource_label(violation.urn), "bold")
    head = Text.assemble("  ", (violation.level, style), f"  {violation.policy}: ", about)
    yield head.append(f"  {violation.severity}", style="dim") if violation.severity else head
    for paragraph in visible(violation.message).splitlines():
        for line in wrap(paragraph, width - len(_INDENT), break_long_words=False, break_on_hyphens=False):
            yield Text(_INDENT + line)
    if lines := places(violation.document()):
        yield Text(f"{_INDENT}at {lines_text(lines)}", style="dim")


def _summary(plan: Plan) -> Text:
    mandatory = sum(violation.mandatory for violation in plan.violations)
    counted = [(mandatory, "mandatory violation"), (len(plan.violations) - mandatory, "advisory violation")]
    verdict = "passed" if plan.passed else "failed"
    # After a failure, the counts would be incomplete.
    if plan.failure is None and not plan.packs:
        verdict = f"{_count(len(plan.created), 'resource')} to create: no pack judged them"
    elif plan.failure is None:
        created, packs = _count(len(plan.created), "resource"), _count(plan.packs, "pack")
        enforcement = plan.enforcement
        rules = enforced(enforcement) if relaxed(enforcement) else _count(enforcement["rules"], "rule")
        verdict = f"{created} to create, {packs}, {rules}: {verdict}"
    outcome = [verdict, *(_count(number, what) for number, what in counted if number)]
    return Text(f"{plan.stack}: {', '.join(outcome)}", style="bold green" if plan.passed else "bold red")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
