"""Deliberate breakages of the real program and its configuration: the rows of the files beside, and how to apply them.

A row has an `id`, the rules that must stop it (`expect`, as `pack/rule`), and its change: `file`, `old` and `new`, or
several of these under `replacements`, or lines to `append` to `__main__.py`. `stack` is prod by default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from corpus.families import read

BREAKAGES: Final[list[dict[str, Any]]] = [
    {"stack": "prod", **row} for file in sorted(Path(__file__).parent.glob("*.yaml")) for row in read(file)
]

_SAMPLE: Final = (
    *("secret-of-another-environment", "every-action-of-a-service"),
    *("document-from-an-output", "rule-without-the-header", "role-by-cloud-control", "idle-timeout-out-of-range"),
    *("container-with-everything-wrong",),
)
ONE_A_PACK: Final = [row for row in BREAKAGES if row["id"] in _SAMPLE]
"""One row for each pack, and one that no rule could judge: for slow tests."""

_ADDING: Final = [row for row in BREAKAGES if "append" in row and not {"old", "replacements"}.intersection(row)]
ADDITIONS: Final[dict[str, list[dict[str, Any]]]] = {
    stack: [row for row in _ADDING if row["stack"] == stack] for stack in dict.fromkeys(row["stack"] for row in _ADDING)
}
"""Stack -> the rows that only add to its program, and so fit into one program."""

_RUN_ADDITIONS: Final = """
from pathlib import Path
for _file in sorted((Path(__file__).parent / "additions").glob("*.py")):
    exec(compile(_file.read_text(), str(_file), "exec"), dict(globals()))
"""


def with_additions(project: Path, stack: str) -> dict[str, str]:
    """Add what all rows of `ADDITIONS` for a stack add to a copy of the project; return source file -> row."""
    program, folder = project / "__main__.py", project / "additions"
    program.write_text(program.read_text() + _RUN_ADDITIONS)
    folder.mkdir()
    for row in ADDITIONS[stack]:
        (folder / f"{row['id']}.py").write_text(row["append"])
    return {f"project:///additions/{row['id']}.py": row["id"] for row in ADDITIONS[stack]}


class NoPassage(Exception):
    """A file lacks the passage that a row changes."""


def break_project(project: Path, row: Mapping[str, Any]) -> None:
    """Apply a breakage to a copy of the project.

    Raises:
        NoPassage: a file lacks a passage that the row changes.
    """
    for file, text in broken(project, row, {}).items():
        (project / file).write_text(text)


def broken(project: Path, row: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the files that a breakage changes: file -> text. `texts` holds files that were changed before it.

    Line breaks in a passage make no difference.

    Raises:
        NoPassage: a file lacks a passage that the row changes.
    """
    after = dict(texts)

    def text_of(file: str) -> str:
        return after[file] if file in after else (project / file).read_text()

    if "append" in row:
        after["__main__.py"] = text_of("__main__.py") + "\n" + row["append"]
    for change in row.get("replacements", [row] if "old" in row else []):
        file, old = change["file"], change["old"]
        passage = r"\s*".join(map(re.escape, old.split()))
        start, end = old[: len(old) - len(old.lstrip())], old[len(old.rstrip()) :]
        pattern = re.escape(start) + passage + re.escape(end)
        text, found = re.subn(pattern, change["new"].replace("\\", r"\\"), text_of(file))
        if not found:
            raise NoPassage(f"{file} has no longer: {old}")
        after[file] = text
    return after
