"""What is made once for all test processes of a session."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

FOLDER: Final = "TEST_SESSION_FOLDER"
"""The environment variable with the session's folder; `conftest.py` makes and removes it."""


def shared(name: str, make: Callable[[], str]) -> str:
    """Return what `make` returned in the first process that asked for the name; the others wait for it."""
    file = Path(os.environ[FOLDER]) / name
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(make())
    return file.read_text()
