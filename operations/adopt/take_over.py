"""`--take-over`: imports into the stack what was rehearsed and reported. After an interruption, run it again."""

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
"""How many differences are listed."""


class StackEngine(ImportingEngine, Protocol):
    """An engine on the stack itself."""

    def state(self) -> EngineState:
        """Return the stack's state."""


def require_as_reported(report: Report, names: tuple[str, str], state: TerraformState | None, program: str) -> None:
    """Refuse if the stack, the program or Terraform's state isn't the one of the report.

    Raises:
        BadConfiguration: something differs; the message lists every difference.
    """
    wrong = []
    if not report.clean:
        wrong.append("something in it blocks the adoption: resolve that, and make a new report")
    if (report.project, report.stack) != names:
        wrong.append(f"it is about {report.project}/{report.stack}; accepted: {'/'.join(names)}")
    lineage, serial = (state.lineage, state.serial) if state else ("", 0)
    if report.lineage != lineage:
        wrong.append(f"Terraform's state has the lineage `{lineage}`; accepted: `{report.lineage}`, as reported")
    elif report.serial != serial:
        wrong.append(
            f"Terraform's state has changed: its serial is {serial}, the report's {report.serial}; pause whatever "
            "applies Terraform's code, pull the state again, and make a new report"
        )
    if report.program != program:
        wrong.append("the program, its policies or its settings have changed since then: make a new report")
    if wrong:
        raise BadConfiguration("\n".join(f"the report doesn't apply: {problem}" for problem in wrong))


def take_over(report: Report, engine: StackEngine) -> int:
    """Import what the stack lacks, preview, and compare with the rehearsal; return how many were imported.

    Raises:
        BadConfiguration: the stack has other resources.
        Failure: the engine failed, or the preview differs from the rehearsal's. The account isn't changed either way.
    """
    there = engine.state()
    known = {*report.imports, *(urn for urn in there.urns.values() if _made_by_engine(urn))}
    components = {(row["type"], row.get("logicalName", row["name"])) for row in report.components}
    foreign = [urn for key, urn in there.urns.items() if urn not in known and key not in components]
    if foreign:
        listed = ", ".join(map(resource_label, foreign[:_SHOWN]))
        raise BadConfiguration(
            f"the stack's state has resources that this report doesn't take over: {listed}; accepted: an empty stack, "
            "or one that an earlier run with the same report began to fill"
        )
    present = set(there.urns.values())
    left = [row for urn, row in report.imports.items() if urn not in present]
    if left:
        engine.import_resources([*report.components, *left])
    differences = list(_differences(report.steps, reports.steps(engine.judged_preview())))
    if differences:
        told = "\n".join(f"  {line}" for line in differences[:_SHOWN])
        raise Failure(
            f"everything is imported, but the preview differs from the rehearsal's; don't apply, find out why:\n{told}"
        )
    return len(left)


def _made_by_engine(urn: str) -> bool:
    return urn.split("::")[2].startswith("pulumi:")


def _differences(rehearsed: Mapping[str, list[str]], now: Mapping[str, list[str]]) -> Iterator[str]:
    for urn in sorted({*rehearsed, *now}):
        before, after = rehearsed.get(urn, ["same"]), now.get(urn, ["same"])
        if before != after:
            yield f"{resource_label(urn)}: rehearsed {_describe_step(before)}, now {_describe_step(after)}"


def _describe_step(step: list[str]) -> str:
    op, *keys = step
    return f"{op} ({', '.join(keys)})" if keys else op
