"""What is still an example in a project: marks that stand beside values of nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stackfiles import project
from stackfiles.failures import BadConfiguration
from stackfiles.stack_file import MARK

_ELSEWHERE: Final = ("Pulumi.yaml", "CODEOWNERS")
"""Files beside the stack's own that hold values of an owner."""


@dataclass(frozen=True)
class Example:
    """A value that is still an example: its file, the line, and the key (for a line without one, what it says)."""

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
            # The value isn't shown: whoever forgot to encrypt a secret would find it in a log.
            key = line[: mark.start()].strip().partition(": ")[0].removesuffix(":")
            yield Example(file.name, number, key or line.strip("# \t"))
