"""The report of an adoption, for people and for `--take-over`: a table, Markdown, or a JSON document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from operations.adopt.engine import ImportRow
from operations.adopt.judging import label
from operations.adopt.rehearsal import Rehearsal
from operations.adopt.resources import PropertyChange, ReportRow, Told, Verdict
from stackfiles import text_file
from stackfiles.failures import BadConfiguration
from stackfiles.plan_document import PlanDocument, Violation, resource_label
from stackfiles.visible_text import visible_line

_VERSION: Final = 2
_NAMES: Final = 6
"""How many resources a line of the summary names."""

_ORDER: Final = (
    *(verdict for verdict in Verdict if verdict.stops),
    Verdict.OVERWRITES,
    Verdict.IN_PLACE,
    Verdict.STAYS_AND_REFERS,
    Verdict.CREATED,
    Verdict.TAGS,
    Verdict.STATE_ONLY,
    Verdict.SAME,
    Verdict.FORGOTTEN,
    Verdict.STAYS,
)
"""The verdicts, beginning with those that people have to look at."""

_PLACEHOLDERS: Final = {Told.SECRET: "a secret that isn't shown", Told.FILLED_IN: "filled in by the provider"}
"""The text that replaces the values of a change."""

Steps = dict[str, list[str]]
"""URN -> the engine's operation on a resource, then the properties that differ; unchanged resources are left out."""


@dataclass(frozen=True)
class Report:
    """The report on one adoption.

    `lineage` and `serial` are those of Terraform's state, empty and 0 if none was read; `program` is a digest of the
    program's files. `components` and `imports` (by URN) are rows of an import file, without secret values.
    """

    project: str
    stack: str
    lineage: str
    serial: int
    program: str
    rows: Sequence[ReportRow]
    violations: Sequence[Violation]
    components: Sequence[ImportRow]
    imports: dict[str, ImportRow]
    steps: Steps

    @property
    def stops(self) -> list[ReportRow]:
        """The resources that block the adoption."""
        return [row for row in self.rows if row.verdict.stops]

    @property
    def mandatory(self) -> list[Violation]:
        """The violations that would block every deploy."""
        return [violation for violation in self.violations if violation["level"] == "mandatory"]

    @property
    def clean(self) -> bool:
        """Whether the adoption can go ahead."""
        return not self.stops and not self.mandatory

    def document(self) -> str:
        """Return the report as JSON. `verdicts` says which verdicts block; those to look at come first."""
        told = {"version": _VERSION, "clean": self.clean, "verdicts": {one: one.stops for one in _ORDER}}
        return json.dumps({**told, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a report that `document` wrote.

        Raises:
            BadConfiguration: it isn't one.
        """
        accepted = "accepted: a file that `adopt --report FILE` wrote"
        try:
            found: dict[str, Any] = json.loads(text_file.read(file))
            if found.pop("version") != _VERSION:
                raise BadConfiguration(f"{file} was written by another version of this command; {accepted}")
            for told in ("clean", "verdicts"):
                found.pop(told)
            rows = [
                ReportRow(
                    **{
                        **row,
                        "verdict": Verdict(row["verdict"]),
                        "changes": tuple(
                            PropertyChange(**{**change, "told": Told(change["told"])}) for change in row["changes"]
                        ),
                        "ways_out": tuple(row["ways_out"]),
                    }
                )
                for row in found.pop("rows")
            ]
            return cls(**found, rows=rows)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadConfiguration(f"{file} isn't a report of an adoption; {accepted}") from None


def steps(preview: PlanDocument) -> Steps:
    """Return the steps of an engine's preview, as the report keeps them and a take-over compares them."""
    return {
        step["urn"]: [step["op"], *sorted(step.get("diffReasons", ()))]
        for step in preview["steps"]
        if step["op"] not in ("same", "read", "refresh") and "::pulumi:" not in step["urn"].split("$")[-1]
    }


def make(
    names: tuple[str, str], state: tuple[str, int], program: str, rows: Sequence[ReportRow], rehearsal: Rehearsal
) -> Report:
    """Return the report of a rehearsal.

    Args:
        names: The project's name and the stack's.
        state: Lineage and serial of Terraform's state.
        program: A digest of the program's files.
        rows: The verdicts.
        rehearsal: The rehearsal's result.
    """
    preview = rehearsal.preview
    violations, components, imports = preview["policyViolations"], rehearsal.components, dict(rehearsal.imports)
    return Report(*names, *state, program, rows, violations, components, imports, steps(preview))


def markdown(report: Report) -> str:
    """Return the report as Markdown, for a pull request or a wiki."""
    lines = [f"### Adoption of {report.project}/{report.stack}", "", *_summary(report), ""]
    lines += ["| verdict | resource | Terraform's address | what changes |", "|---|---|---|---|"]
    for row in _sorted(report.rows):
        cells = (row.verdict, label(row), row.address, _what(row))
        lines.append(f"| {' | '.join(visible_line(cell).replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def table(report: Report) -> RenderableType:
    """Return the report for a terminal: a row for each resource, then the summary."""
    made = Table(
        title=f"Adoption of {report.project}/{report.stack}",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    made.add_column("verdict", no_wrap=True)
    made.add_column("resource", ratio=3, overflow="fold")
    made.add_column("what changes", ratio=4, overflow="fold")
    for row in _sorted(report.rows):
        style = "bold red" if row.verdict.stops else "green" if row.verdict is Verdict.SAME else "yellow"
        made.add_row(Text(row.verdict, style=style), Text(visible_line(label(row))), Text(visible_line(_what(row))))
    return Group(made, Text(), *(Text(line) for line in _summary(report)))


def _sorted(rows: Sequence[ReportRow]) -> list[ReportRow]:
    return sorted(rows, key=lambda row: (_ORDER.index(row.verdict), row.resource))


def _what(row: ReportRow) -> str:
    return "; ".join([*([row.cause] if row.cause else ()), *map(_change, row.changes)])


def _change(change: PropertyChange) -> str:
    told = _PLACEHOLDERS.get(change.told, f"{change.before} → {change.after}")
    return f"{change.path}: {told}"


def _summary(report: Report) -> Iterator[str]:
    """Yield the summary's lines: a count of each verdict, then the stops with their causes and ways out."""
    counts = Counter(row.verdict for row in report.rows)
    yield "; ".join(f"{counts[verdict]} {verdict}" for verdict in _ORDER if counts[verdict])
    groups: dict[tuple[Verdict, str, str], list[ReportRow]] = {}
    for row in report.stops:
        kind = row.resource.split("::")[2].rpartition("$")[2]
        groups.setdefault((row.verdict, kind, row.cause), []).append(row)
    for (verdict, _, cause), rows in groups.items():
        names = [label(row) for row in rows]
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        yield ""
        yield visible_line(f"{verdict} (stop): {', '.join(names[:_NAMES])}{more}: {cause}")
        yield from (visible_line(f"  - {way}") for way in rows[0].ways_out)
        if len(rows) > 1:
            yield "  These ways out name the first resource; the same ones work for the others."
    for violation in report.mandatory:
        yield ""
        told = (
            f"{violation['pack']}/{violation['policy']}: {resource_label(violation['urn'])}"
            if violation["urn"]
            else violation["policy"]
        )
        yield visible_line(f"{told} (stop): {violation['message']}")
    yield ""
    stops = len(report.stops) + len(report.mandatory)
    yield f"{stops} to resolve before anything is taken over" if stops else "nothing blocks this adoption"
