"""Where the files of a working copy are shown: its repository on GitHub, at the commit that is checked out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

_GITHUB: Final = re.compile(
    r"(?:https://github\.com/|git@github\.com:|ssh://git@github\.com/)([\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


def address(folder: Path) -> str:
    """Return the address to which `FILE#L1` is added; empty where the working copy isn't of a repository on GitHub.

    No user name or password that the remote's address may hold is part of it.
    """
    remote = _GITHUB.fullmatch(_told(folder, "remote", "get-url", "origin"))
    commit, prefix = _told(folder, "rev-parse", "HEAD"), _told(folder, "rev-parse", "--show-prefix")
    return f"https://github.com/{remote[1]}/blob/{commit}/{prefix}" if remote and commit else ""


def _told(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
