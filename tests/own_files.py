"""Keeps tests away from the repository's own stack files and the files derived from them, which owners change.

Only `test_own_stacks.py` is about these. All other tests read the files of the suite's own owner (tests/owner).
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

_NAMES: Final = re.compile(r"(Pulumi\.[^/]+\.yaml|policies/config/[^/]+\.[^/]+\.json)")
_ABOUT_THEM: Final = "tests/test_own_stacks.py"


def is_one(path: Path) -> bool:
    """Tell whether a path, relative to the project's folder, is such a file."""
    return bool(_NAMES.fullmatch(str(path)))


def keep_away(project: Path) -> None:
    """Make this process refuse to open any of these files of the repository in the folder `project`."""
    own = re.compile(f"{re.escape(str(project))}/{_NAMES.pattern}")

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        # pytest sets this variable to the running test, and child processes inherit it.
        if (
            event == "open"
            and own.fullmatch(str(arguments[0]))
            and not os.environ.get("PYTEST_CURRENT_TEST", "").startswith(_ABOUT_THEM)
        ):
            raise AssertionError(f"a test reads {arguments[0]}, which owners change; tests/owner has one for tests")

    sys.addaudithook(refuse)
