"""The files that follow from a stack's answers: what the gate is told about it, and the pages about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from operations.init.copied_project import CopiedProject
from stackfiles import project

_AGREEMENT: Final = "policies.inventory.agreement"
_LEFT: Final = "no longer in the program"
"""What the agreement's command says before it lists what people added by hand."""


def leave_only(folder: Path, stack: str) -> None:
    """Take away the files of every other stack."""
    for other in project.stacks(folder):
        if other != stack:
            for pattern in (f"Pulumi.{other}.yaml", f"policies/config/*.{other}.json", f"docs/access-{other}.md"):
                for path in folder.glob(pattern):
                    path.unlink()


def agreed_by_hand(work: CopiedProject, stack: str) -> bool:
    """Tell whether a stack's owners agreed to more than what its settings and its plan have, as far as can be told."""
    if project.policy_config(work.copy, work.copy / "policies" / "inventory", stack) is None:
        return False
    shown = work.run(_AGREEMENT, "show", "--stack", stack)
    return _LEFT in shown.stderr or shown.returncode not in (0, 1)


def derive(work: CopiedProject, by_hand: Mapping[str, bool]) -> list[str]:
    """Write everything that follows from the answers, for each stack whose answers have changed.

    `by_hand` has these stacks, and whether their owners agreed to something by hand. That stays, and the lines that are
    returned tell it. Otherwise what is agreed is what the answers have now, and nothing that they had before.

    Raises:
        Failure: a stack can't be planned.
    """
    notes = []
    for stack, keeps in by_hand.items():
        said = work.require(_AGREEMENT, "write", "--stack", stack, "--yes", *([] if keeps else ["--take-away"]))
        if keeps and _LEFT in said:
            notes.append(
                f"{stack}: not everything that is agreed follows from the answers, so all of it stays. Look at it: "
                f"python -m {_AGREEMENT} write --stack {stack}"
            )
    work.require("generators")
    return notes
