"""`--take-over`: what was rehearsed and looked at, done in the stack itself. A run that was broken off is run again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from operations.adopt import report as reports
from operations.adopt.rehearsal import ImportingEngine
from operations.adopt.report import Report
from operations.adopt.resources import TerraformState
from operations.engine_state import EngineState
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import resource_label

_SHOWN = 20
"""Differences that are listed."""


class StackEngine(ImportingEngine, Protocol):
    """An engine on the stack itself."""

    def state(self) -> EngineState:
        """Return what the stack's state has."""


def require_as_reported(report: Report, names: tuple[str, str], state: TerraformState | None, program: str) -> None:
    """Refuse anything else than what the report is about.

    Raises:
        BadConfiguration: the text lists every difference.
    """
    wrong = []
    if not report.clean:
        wrong.append("something in it stops the adoption: solve it, and make a new report")
    if (report.project, report.stack) != names:
        wrong.append(f"it is about {report.project}/{report.stack}; accepted: {'/'.join(names)}")
    lineage, serial = (state.lineage, state.serial) if state else ("", 0)
    if report.lineage != lineage:
        wrong.append(f"Terraform's state has the lineage `{lineage}`; accepted: `{report.lineage}`, as reported")
    elif report.serial != serial:
        wrong.append(
            f"Terraform's state has changed: serial {serial}, reported {report.serial}; pause what applies it, pull "
            "the state again, and make a new report"
        )
    if report.program != program:
        wrong.append("the program, its policies or its settings have changed since: make a new report")
    if wrong:
        raise BadConfiguration("\n".join(f"the report isn't of what is here: {problem}" for problem in wrong))


def take_over(report: Report, engine: StackEngine) -> int:
    """Import into the stack what it lacks, preview, and compare with the rehearsal; return how many were imported.

    Raises:
        BadConfiguration: the stack has something else.
        Failure: the engine failed, or the preview isn't the rehearsal's. Nothing in the account is changed either way.
    """
    there = engine.state()
    known = {*report.imports, *(urn for urn in there.urns.values() if _made_by_engine(urn))}
    components = {(row["type"], row.get("logicalName", row["name"])) for row in report.components}
    foreign = [urn for key, urn in there.urns.items() if urn not in known and key not in components]
    if foreign:
        listed = ", ".join(map(resource_label, foreign[:_SHOWN]))
        raise BadConfiguration(
            f"the stack's state has resources that this report doesn't take over: {listed}; accepted: an empty stack, "
            "or what a run with the same report left"
        )
    present = set(there.urns.values())
    left = [row for urn, row in report.imports.items() if urn not in present]
    if left:
        engine.import_resources([*report.components, *left])
    differences = list(_differences(report.steps, reports.steps(engine.judged_preview())))
    if differences:
        told = "\n".join(f"  {line}" for line in differences[:_SHOWN])
        raise Failure(
            f"all is imported, but a preview isn't what the rehearsal's was; don't apply, find out why:\n{told}"
        )
    return len(left)


def _made_by_engine(urn: str) -> bool:
    return urn.split("::")[2].startswith("pulumi:")


def _differences(rehearsed: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> Iterator[str]:
    for urn in sorted({*rehearsed, *now}):
        before, after = rehearsed.get(urn, ["same"]), now.get(urn, ["same"])
        if before != after:
            yield f"{resource_label(urn)}: rehearsed {_told(before)}, now {_told(after)}"


def _told(step: list[str]) -> str:
    op, *keys = step
    return f"{op} ({', '.join(keys)})" if keys else op
