"""Finds the values in a project that are still marked as examples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stackfiles import project
from stackfiles.failures import BadConfiguration
from stackfiles.stack_file import MARK

_ELSEWHERE: Final = ("Pulumi.yaml", "CODEOWNERS")
"""Files other than the stack's own that contain values of an owner."""


@dataclass(frozen=True)
class Example:
    """A value that is still an example: its file, its line, and its key (or the line's text if it has no key)."""

    file: str
    line: int
    key: str


def find(folder: Path, stack: str) -> list[Example]:
    """Return the values of a stack and its project that are marked `# EXAMPLE`, in the order of the files.

    Raises:
        BadConfiguration: there is no such stack, or a file can't be read.
    """
    files = [project.require_stack(folder, stack), *(folder / name for name in _ELSEWHERE)]
    return [example for file in files if file.exists() for example in _marked(file)]


def _marked(file: Path) -> Iterator[Example]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file} can't be read: {error}") from None
    for number, line in enumerate(lines, 1):
        if mark := MARK.search(line):
            # The value isn't shown, because a secret that somebody forgot to encrypt would end up in a log.
            key = line[: mark.start()].strip().partition(": ")[0].removesuffix(":")
            yield Example(file.name, number, key or line.strip("# \t"))
