"""Plays the owners of a stack who agree to a change: it writes the plan into the files that pin it."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.inventory.agreement import __main__ as agreement


def agree(project: Path, stack: str, plan: Path, *options: str) -> None:
    """Write what follows from the settings and the plan, as `agreement write` does; `options` are passed on to it."""
    with pytest.MonkeyPatch.context() as patch:
        where = ["--stack", stack, "--plan", str(plan), "--project", str(project)]
        patch.setattr("sys.argv", ["agreement", "write", "--yes", *options, *where])
        assert agreement.main() == 0
