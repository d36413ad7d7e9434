"""Writes the provider's defaults for the properties whose values owners agree to.

The real engine shows packs such defaults as if the program had set them (`Check` in pkg/tfbridge/provider.go of
pulumi/pulumi-terraform-bridge). The record of upstream provider code contains them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from policies.inventory.table import AGREED, leaves, table
from policies.inventory.values import DEFAULTS
from rehearsal.engine.planned_inputs import record

_FOLDER: Final = Path("policies") / "inventory"


def provider_defaults() -> dict[str, dict[str, Any]]:
    """Return type -> path -> the provider's default, for the paths whose values owners agree to."""
    found: dict[str, dict[str, Any]] = {}
    for type_, answer in record().items():
        for path, value in answer.get("added", {}).items():
            plain = path.replace(".*", "")
            for below, _, default in leaves(value, plain):
                verdict = table()[type_].judge(below) if type_ in table() else None
                if verdict and verdict.verb == AGREED:
                    found.setdefault(type_, {})[below] = default
    return found


def text() -> str:
    """Return the text that the file must have."""
    return json.dumps(provider_defaults(), indent=2) + "\n"


def write(project: Path) -> None:
    """Write the file of a project."""
    path = project / _FOLDER / DEFAULTS.name
    path.write_text(text(), encoding="utf-8")
    print(path.relative_to(project))
