"""What the owners of a stack do about a change: they have its plan written into what they agreed to."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.inventory.agreement import __main__ as agreement


def agree(project: Path, stack: str, plan: Path, *options: str) -> None:
    """Write what follows from the settings and the plan, as the command for it does; `options` are more of its own."""
    with pytest.MonkeyPatch.context() as patch:
        where = ["--stack", stack, "--plan", str(plan), "--project", str(project)]
        patch.setattr("sys.argv", ["agreement", "write", "--yes", *options, *where])
        assert agreement.main() == 0
