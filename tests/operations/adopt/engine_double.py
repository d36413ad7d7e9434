"""Plays the Pulumi CLI for the adoption of a small program; it can break off before or after any call.

The original: tests/engine/test_adopt.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from operations.adopt.engine import ImportRow
from operations.adopt.resources import PlannedResource
from operations.engine_state import EngineState
from stackfiles.plan_document import PlanDocument, Violation


class BrokenOff(Exception):
    """The command ends here, as if it had been killed."""


@dataclass
class EngineDouble:
    """An engine on one stack.

    `plan` is the program's plan. `differences` maps an imported resource to the step that the engine then previews: its
    operation, the inputs that differ, and their values before.
    """

    plan: Sequence[PlannedResource]
    differences: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    imported: dict[str, ImportRow] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    break_at: tuple[int, str] = (0, "")

    def preview(self) -> tuple[PlanDocument, list[ImportRow]]:
        rows = [
            {"type": one.type, "name": f"{one.name}-{number}", "logicalName": one.name, "component": one.component}
            for number, one in enumerate(self.plan)
        ]
        return self._called("preview", lambda: (self._document(), rows))  # type: ignore[no-any-return]

    def judged_preview(self) -> PlanDocument:
        return self._called("judged preview", self._document)  # type: ignore[no-any-return]

    def import_resources(self, rows: Sequence[ImportRow]) -> None:
        self._called("import", lambda: self._import(rows))

    def state(self) -> EngineState:
        urns = {(one.type, one.name): one.urn for one in self.plan if one.urn in self.imported}
        return self._called("export", lambda: EngineState(frozenset(), urns))  # type: ignore[no-any-return]

    def _import(self, rows: Sequence[ImportRow]) -> None:
        """Import one by one, and break off in the middle if a test wants that."""
        urns = {(one.type, one.name): one.urn for one in self.plan}
        for number, row in enumerate(rows):
            urn = urns[row["type"], row["logicalName"]]
            if not row.get("component"):
                assert urn not in self.imported, f"{urn} is imported twice"
            if self.break_at == (len(self.calls), "between") and number > len(rows) // 2:
                raise BrokenOff
            self.imported[urn] = row

    def _called(self, name: str, work: Any) -> Any:  # noqa: ANN401 - each call's own
        self.calls.append(name)
        if self.break_at == (len(self.calls), "before"):
            raise BrokenOff
        answer = work()
        if self.break_at == (len(self.calls), "after"):
            raise BrokenOff
        return answer

    def _document(self) -> PlanDocument:
        steps = []
        for one in self.plan:
            new = {
                "urn": one.urn,
                "type": one.type,
                "custom": not one.component,
                "inputs": dict(one.inputs),
                "propertyDependencies": {key: list(urns) for key, urns in one.references.items()},
            }
            step: dict[str, Any] = {"op": "create", "urn": one.urn, "newState": new}
            if one.urn in self.imported:
                step = {"op": "same", "urn": one.urn, "newState": new, "oldState": new}
                if different := self.differences.get(one.urn):
                    before = {**one.inputs, **different["before"]}
                    step |= {"op": different["op"], "oldState": {**new, "inputs": before}}
                    step["diffReasons"] = sorted(different["before"])
                    step["replaceReasons"] = sorted(different["before"]) if different["op"] == "replace" else []
            steps.append(step)
        return {"steps": steps, "policyViolations": list(self.violations)}  # type: ignore[typeddict-item]
