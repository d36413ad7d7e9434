"""Collects the page's data as JSON, from the plan, the packs and the access report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rehearsal.reports.changes import Change, compare, planned_changes
from rehearsal.reports.consequences import consequences
from rehearsal.reports.since_last import findings
from review.difference import changed_access
from review.page.access import Readers, access
from review.page.rules import rules
from review.page.violation import violation
from review.way import attacks, follow, hidden, way_in
from stackfiles.plan_document import PlanDocument, State, place, short_type


@dataclass(frozen=True)
class Shown:
    """A stack's plan and what it is compared with.

    `against` describes the base. `lines` is the address of the repository's files, to which `FILE#L1` is added, or
    empty if it isn't known. `adoption` is a report that `review.page.adoption` read.
    """

    stack: str
    plan: PlanDocument
    base: PlanDocument | None = None
    against: str = ""
    expected: Readers = field(default_factory=dict)
    lines: str = ""
    adoption: Mapping[str, Any] | None = None

    @property
    def passed(self) -> bool:
        """Whether a deploy can continue."""
        plan = self.plan
        return not plan.get("error") and all(said["level"] == "advisory" for said in plan["policyViolations"])


def data(shown: Shown) -> dict[str, Any]:
    """Return the page's data."""
    plan, base = shown.plan, shown.base
    found = planned_changes(plan) if base is None else compare(base, plan)
    states = [step["newState"] for step in plan["steps"] if step.get("newState")]
    operations = {step["urn"]: step["op"] for step in plan["steps"]}
    enforcement = plan.get("policyEnforcement")
    return {
        "stack": shown.stack,
        "against": shown.against,
        "lines": shown.lines,
        "error": plan.get("error", ""),
        "passed": shown.passed,
        "rulesInForce": enforcement["rules"] if enforcement else 0,
        "waivers": enforcement["waived"] if enforcement else [],
        "consequences": [
            {"kind": one.kind, "urn": one.urn, "text": one.text, "line": place(one.source)}
            for one in consequences(found, plan, base)
        ],
        "violations": [violation(said) for said in plan["policyViolations"]],
        "config": plan.get("config", {}),
        "resources": [_resource(state, operations[state["urn"]]) for state in states],
        "access": access(plan, shown.expected),
        **_requests(states),
        "rules": rules(plan),
        "difference": None if base is None else _difference(base, plan, found),
        "adoption": shown.adoption,
    }


def _resource(state: State, operation: str) -> dict[str, Any]:
    return {
        "urn": state["urn"],
        "name": state["urn"].rpartition("::")[2],
        "type": short_type(state["type"]),
        "operation": operation,
        "parent": state.get("parent", ""),
        "line": place(state.get("sourcePosition", "")),
        "protected": bool(state.get("protect")),
        "inputs": state.get("inputs", {}),
    }


def _requests(states: Sequence[State]) -> dict[str, Any]:
    way = way_in(states)
    return {
        "way": way,
        "hidden": hidden(states),
        "attacks": [
            {
                "what": what,
                "start": sent.start,
                "method": sent.method,
                "host": sent.request.host,
                "path": sent.request.path,
                "headers": dict(sent.request.headers),
                "sessions": sorted(sent.request.sessions),
                "answer": vars(follow(way, sent)),
            }
            for what, sent in (attacks(way) if way else ())
        ],
    }


def _difference(base: PlanDocument, plan: PlanDocument, found: Sequence[Change]) -> dict[str, Any]:
    before, after = findings(base), findings(plan)
    return {
        "changes": [
            {
                "operation": change.op,
                "urn": change.urn,
                "line": place(change.source),
                "properties": [vars(item) for item in change.properties],
            }
            for change in found
        ],
        "new": [violation(said) for key, said in after.items() if key not in before],
        "gone": [violation(said) for key, said in before.items() if key not in after],
        "access": changed_access(base, plan),
    }


def expected_readers(configuration: Mapping[str, Any]) -> Readers:
    """Return who should read each secret and parameter, from the configuration of the least-privilege pack."""
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    for noun in ("secret", "parameter"):
        rule = configuration.get(f"{noun}-readers")
        if isinstance(rule, Mapping) and isinstance(rule.get("readers"), Mapping):
            found[noun] = rule["readers"]
    return found
