"""Reads the runbooks for tests: the commands to type, and the blocks to put into files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "runbooks"
RUNBOOKS = sorted(path.stem for path in FOLDER.glob("*.md"))


@dataclass(frozen=True)
class Runbook:
    """One file of `docs/runbooks`."""

    text: str

    @property
    def commands(self) -> list[str]:
        """The command lines after a `$`, in order."""
        return re.findall(r"^\$ (.*)$", "\n".join(self.blocks("console")), re.MULTILINE)

    def blocks(self, language: str) -> list[str]:
        """The code blocks of a language, without the indentation of the step that they are in."""
        found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", self.text, re.MULTILINE | re.DOTALL)
        return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def runbook(name: str) -> Runbook:
    """Read a runbook."""
    return Runbook((FOLDER / f"{name}.md").read_text())
