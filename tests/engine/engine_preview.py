"""The real engine's verdict on a project folder: the counterpart of `tests.planning.rehearse`."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from stackfiles.plan_document import Violation, rules_named
from tests.engine.deployment import prepared


class Seen(NamedTuple):
    """The result of `pulumi preview`: its JSON with the packs' violations, its exit code, and what it printed."""

    document: dict[str, Any]
    exit_code: int
    printed: str

    @property
    def violations(self) -> list[Violation]:
        found: list[Violation] = self.document["policyViolations"]
        return found

    @property
    def steps(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.document["steps"]
        return found

    @property
    def enforcement(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document.get("policyEnforcement", {})
        return found

    @property
    def rules(self) -> set[str]:
        """The rules with mandatory violations, as `pack/rule`."""
        return {rule for item in self.violations if item["level"] == "mandatory" for rule in rules_named(item)}


def preview(project: Path, stack: str) -> Seen:
    """Preview a stack of a project folder with all its packs, on an empty account.

    The folder itself isn't changed: a copy gets a header secret that can be decrypted, and a backend.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copied = Path(shutil.copytree(project, folder / "project", symlinks=True))
        deployment = prepared().deployment(folder, stack, copied)
        output = folder / "preview.json"
        try:
            outcome = deployment.run("preview", "--json", str(output))
        finally:
            deployment.attached.stop()
        document = json.loads(output.read_text()) if output.exists() else {"steps": [], "policyViolations": []}
    return Seen(document, outcome.code, outcome.out)
