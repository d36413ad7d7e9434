"""Results that all test processes of a session share, so that they are computed once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

FOLDER: Final = "TEST_SESSION_FOLDER"
"""The environment variable with the session's folder; `conftest.py` creates and removes it."""


def shared(name: str, make: Callable[[], str]) -> str:
    """Return what `make` returned in the first process that asked for this name; other processes wait for it."""
    file = Path(os.environ[FOLDER]) / name
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(make())
    return file.read_text()
