"""Rehearses an adoption in a private backend: imports there, then asks the engine and the packs for their verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from operations.adopt.engine import SECRET_MARKER, ImportRow
from operations.adopt.kinds import RECORDED
from operations.adopt.matching import Matcher
from operations.adopt.resources import Match, PlannedResource
from stackfiles.failures import Failure
from stackfiles.plan_document import SECRET, UNKNOWN, PlanDocument

_ROUNDS: Final = 4
"""An import can make more values known, such as the names of a certificate's validation records, so that more resources
can be matched in the next round. The longest chain of such resources has two links."""


class ImportingEngine(Protocol):
    """The part of an engine that a rehearsal needs (operations/adopt/engine.py)."""

    def preview(self) -> tuple[PlanDocument, list[ImportRow]]:
        """Preview without packs."""

    def judged_preview(self) -> PlanDocument:
        """Preview with packs."""

    def import_resources(self, rows: Sequence[ImportRow]) -> None:
        """Import resources."""


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal's result: the match of each planned resource by URN, what to import, and the preview after that.

    `components` are the import file's rows for components, the parents of the others; `imports` has the others by URN.
    """

    matches: Mapping[str, Match]
    components: Sequence[ImportRow]
    imports: Mapping[str, ImportRow]
    preview: PlanDocument


def rehearse(engine: ImportingEngine, matcher: Matcher) -> Rehearsal:
    """Plan on an empty stack, match, import, and preview with every pack, until nothing more can be matched.

    Raises:
        Failure: the engine, AWS or Cloudflare failed.
    """
    plan, rows = engine.preview()
    by_urn = _by_urn(rows, plan)
    components = [by_urn[resource.urn] for resource in planned_resources(plan) if resource.component]
    matches: dict[str, Match] = {}
    imports: dict[str, ImportRow] = {}
    for _ in range(_ROUNDS):
        planned = [resource for resource in planned_resources(plan) if not resource.component]
        settled = {urn: match for urn, match in matches.items() if urn in imports}
        matches = matcher.match(planned, settled)
        rows_by_urn = {
            resource.urn: _row(resource, by_urn[resource.urn], matches[resource.urn]) for resource in planned
        }
        new = {urn: row for urn, row in rows_by_urn.items() if row}
        if not new:
            break
        imports |= new
        engine.import_resources([*components, *new.values()])
        plan = engine.judged_preview()
    return Rehearsal(matches, components, imports, plan if imports else engine.judged_preview())


def planned_resources(plan: PlanDocument) -> list[PlannedResource]:
    """Return the resources that a plan would create, without the stack and the providers."""
    return [
        PlannedResource(
            step["urn"],
            state["type"],
            step["urn"].split("::", 3)[3],
            state.get("inputs", {}),
            not state["custom"],
            state.get("parent", ""),
            state.get("propertyDependencies", {}),
        )
        for step in plan["steps"]
        if step["op"] == "create" and (state := step.get("newState")) and not state["type"].startswith("pulumi:")
    ]


def _by_urn(rows: Sequence[ImportRow], plan: PlanDocument) -> dict[str, ImportRow]:
    """Return the rows of an import file by URN.

    Raises:
        Failure: two resources have the same type and name, so their rows can't be told apart.
    """
    urns: dict[tuple[str, str], str] = {}
    for resource in planned_resources(plan):
        key = (resource.type, resource.name)
        if key in urns:
            raise Failure(f"{resource.urn} and {urns[key]} have the same type and name: give one of them another name")
        urns[key] = resource.urn
    by_key = {(str(row["type"]), str(row.get("logicalName", row["name"]))): row for row in rows}
    if missing := urns.keys() - by_key.keys():
        raise Failure(f"the engine's import file lacks {', '.join(name for _, name in sorted(missing))}")
    return {urn: by_key[key] for key, urn in urns.items()}


def _row(resource: PlannedResource, skeleton: ImportRow, match: Match) -> ImportRow | None:
    """Return the import file's row for a planned resource; None if nothing is imported."""
    if resource.type in RECORDED:
        return _recorded(resource, skeleton)
    if not match.import_id or match.missing:
        return None
    secret = {key: SECRET_MARKER for key, value in resource.inputs.items() if SECRET in json.dumps(value)}
    return {**skeleton, "id": match.import_id, **({"inputs": secret} if secret else {})}


def _recorded(resource: PlannedResource, skeleton: ImportRow) -> ImportRow | None:
    """Return the row of a resource that no provider can look up, with the plan's inputs; None until all are known."""
    if UNKNOWN in json.dumps(dict(resource.inputs)):
        return None
    inputs: dict[str, Any] = dict(resource.inputs)
    id_ = str(inputs[RECORDED[resource.type]])
    return {**skeleton, "id": id_, "inputs": inputs, "outputs": {**inputs, "id": id_}}
