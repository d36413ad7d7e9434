"""The page's data about rules: every rule of this project's packs, with its state in a stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from stackfiles.plan_document import Enforcement, PlanDocument
from stackfiles.project import packs

_CODE: Final = Path(__file__).resolve().parents[2]
_NOTHING: Final[Enforcement] = {"rules": 0, "advisory": [], "disabled": [], "waived": []}


def rules(plan: PlanDocument) -> list[dict[str, Any]]:
    """Return the rules. `state` is `enforced`, `advisory` or `off`; `example` is a change that a rule stops."""
    file = _CODE / "policies" / "examples.json"
    examples: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    enforcement = plan.get("policyEnforcement", _NOTHING)
    off, advisory = set(enforcement["disabled"]), set(enforcement["advisory"])
    return [
        {
            "id": f"{pack.name.replace('_', '-')}/{rule.id}",
            "title": rule.title,
            "remedy": rule.remedy,
            "source": rule.source,
            "severity": rule.severity.value,
            "state": "off" if rule.id in off else "advisory" if rule.id in advisory else "enforced",
            "waivers": [waived for waived in enforcement["waived"] if waived["rule"] == rule.id],
            "example": examples.get(f"{pack.name.replace('_', '-')}/{rule.id}"),
        }
        for pack in packs(_CODE)
        for rule in import_module(f"policies.{pack.name}").RULES
    ]
