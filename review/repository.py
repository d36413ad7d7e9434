"""Finds the web address of a working copy's files: its repository on GitHub, at the commit that is checked out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

_GITHUB: Final = re.compile(
    r"(?:https://github\.com/|git@github\.com:|ssh://git@github\.com/)([\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


def address(folder: Path) -> str:
    """Return the address to which `FILE#L1` is added; empty if the working copy's origin isn't on GitHub.

    It never contains a user name or password of the remote's address.
    """
    remote = _GITHUB.fullmatch(_git(folder, "remote", "get-url", "origin"))
    commit, prefix = _git(folder, "rev-parse", "HEAD"), _git(folder, "rev-parse", "--show-prefix")
    return f"https://github.com/{remote[1]}/blob/{commit}/{prefix}" if remote and commit else ""


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
