"""Asks git which lines of which files a branch changed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Final

from stackfiles.failures import BadConfiguration

ChangedLines = Mapping[str, Set[int]]
"""File, relative to the project's folder -> numbers of the lines that were added or changed."""

_FILE: Final = re.compile(r"^\+\+\+ b/(.*)$")
_LINES: Final = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")
"""Lines of a unified diff (git-diff(1)): the new file's name, and the position and length of a passage in it."""


def changed_since(revision: str, folder: Path) -> ChangedLines:
    """Return the lines that differ between a revision and the working copy in a folder.

    Raises:
        BadConfiguration: git doesn't know the revision, or the folder isn't a repository.
    """
    command = ["git", "diff", "--no-color", "--no-ext-diff", "--unified=0", "--relative", revision, "--"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if said.returncode:
        raise BadConfiguration(f"--changed-since {revision}: {said.stderr.strip()}")
    changed: dict[str, set[int]] = {}
    file = ""
    for line in said.stdout.splitlines():
        if named := _FILE.match(line):
            file = named[1]
        elif passage := _LINES.match(line):
            first, count = int(passage[1]), int(passage[2] or 1)
            changed.setdefault(file, set()).update(range(first, first + count))
    return changed
