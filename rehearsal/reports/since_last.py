"""The report of `python -m rehearsal.watch`: which resources and violations changed since the last plan."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten
from typing import Final

from rehearsal.reports import changes
from rehearsal.reports.consequences import consequences
from stackfiles.plan_document import PlanDocument, Violation, place, resource_label
from stackfiles.visible_text import visible, visible_line

_VALUE: Final = 100
"""How many characters of a value are shown."""


def text(last: PlanDocument | None, now: PlanDocument) -> str:
    """Return a summary line of a plan, and lines with the differences from the last complete plan, if there is one."""
    if "error" in now:
        return f"failed\n  error: {visible(now['error'])}"
    found = changes.compare(last, now) if last else []
    certain = consequences(found, now, last)
    before = findings(last) if last else {}
    after = findings(now)
    mandatory = sum(violation["level"] == "mandatory" for violation in now["policyViolations"])
    what = f"{len(now['steps'])} resources" if last is None else f"{len(found)} changed" if found else "same plan"
    lines = [
        f"{what}, {f'failed, {mandatory} mandatory' if mandatory else 'passed'}",
        *(f"  {consequence.line}  {place(consequence.source)}" for consequence in certain),
        *(line for change in found for line in _change(change)),
        *(f"  gone: {_rule(said)}" for key, said in before.items() if key not in after),
        *(
            line
            for key, said in after.items()
            if key not in before
            for line in _finding("" if last is None else "new: ", said)
        ),
    ]
    return "\n".join(lines)


def _change(change: changes.Change) -> Iterator[str]:
    yield f"  {change.op} {resource_label(change.urn)}  {place(change.source)}"
    for item in change.properties:
        yield f"    {visible_line(item.path)}: {_value(item.before)} -> {_value(item.after)}"


def _finding(prefix: str, said: Violation) -> Iterator[str]:
    yield f"  {prefix}{_rule(said)}"
    # The first line is the rule's title, which is the same for all its findings.
    lines = visible(said["message"]).splitlines()
    yield from (f"    {line}" for line in lines[1:] or lines)


def _value(text: str) -> str:
    return visible_line(shorten(text, _VALUE))


def _rule(said: Violation) -> str:
    about = resource_label(said["urn"]) if said["urn"] else "the stack"
    return f"{said['level']} {said['pack']}/{said['policy']}: {about}  {place(said['sourcePosition'])}"


def findings(plan: PlanDocument) -> dict[tuple[str, ...], Violation]:
    """Return a plan's violations by what identifies them, which doesn't include the source line."""
    return {
        (said["pack"], said["policy"], said["level"], said["urn"], said["message"]): said
        for said in plan["policyViolations"]
    }
