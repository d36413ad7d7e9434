"""Writes the files that depend on a stack's answers: the gate's configuration and the generated pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from operations.init.copied_project import CopiedProject
from stackfiles import project

_AGREEMENT: Final = "policies.inventory.agreement"
_LEFT: Final = "no longer in the program"
"""The agreement command prints this before the entries that people added by hand."""


def leave_only(folder: Path, stack: str) -> None:
    """Remove the files of every other stack."""
    for other in project.stacks(folder):
        if other != stack:
            for pattern in (f"Pulumi.{other}.yaml", f"policies/config/*.{other}.json", f"docs/access-{other}.md"):
                for path in folder.glob(pattern):
                    path.unlink()


def agreed_by_hand(work: CopiedProject, stack: str) -> bool:
    """Return whether a stack's owners agreed to more than its settings and its plan need; True if in doubt."""
    if project.policy_config(work.copy, work.copy / "policies" / "inventory", stack) is None:
        return False
    shown = work.run(_AGREEMENT, "show", "--stack", stack)
    return _LEFT in shown.stderr or shown.returncode not in (0, 1)


def derive(work: CopiedProject, by_hand: Mapping[str, bool]) -> list[str]:
    """Write everything that depends on the answers, for each stack whose answers have changed.

    `by_hand` maps these stacks to whether their owners agreed to something by hand. If so, the whole agreement stays,
    and a returned line says so. Otherwise the agreement is replaced by one that only fits the new answers.

    Raises:
        Failure: a stack can't be planned.
    """
    notes = []
    for stack, keeps in by_hand.items():
        said = work.require(_AGREEMENT, "write", "--stack", stack, "--yes", *([] if keeps else ["--take-away"]))
        if keeps and _LEFT in said:
            notes.append(
                f"{stack}: the agreement has entries that don't follow from the answers, so all old entries stay. "
                f"Review them: python -m {_AGREEMENT} write --stack {stack}"
            )
    work.require("generators")
    return notes
