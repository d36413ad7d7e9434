"""Writes an example of each rule for `python -m policies explain`, from the breakages that the tests plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

FILE: Final = Path("policies", "examples.json")
BREAKAGES: Final = Path("tests", "breakages")


def write(project: Path) -> None:
    """Write the file if the project has the breakages, and print its name."""
    if not (project / BREAKAGES).is_dir():
        return
    (project / FILE).write_text(text(project), encoding="utf-8")
    print(FILE)


def text(project: Path) -> str:
    """Return the text that the file must have: rule -> `what`, `file`, `good` and `bad` of a breakage that it stops.

    A breakage that changes a line of the program is preferred to one that only adds to it, because it has a good side.
    """
    rows = [
        row
        for file in sorted((project / BREAKAGES).glob("*.yaml"))
        for row in yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    ]
    examples: dict[str, dict[str, str]] = {}
    for row in sorted(rows, key=lambda row: "append" in row):
        for rule in row["expect"]:
            examples.setdefault(rule, {"what": row["id"].replace("-", " "), **dict(_sides(row))})
    return json.dumps(dict(sorted(examples.items())), indent=2, ensure_ascii=False) + "\n"


def _sides(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    change = next(iter(row.get("replacements", ())), row)
    if "old" not in change:
        yield from (("file", "__main__.py"), ("good", ""), ("bad", row["append"]))
    elif not change["new"].strip():
        yield from (("file", change["file"]), ("good", change["old"]), ("bad", "(without it)"))
    else:
        yield from (("file", change["file"]), ("good", change["old"]), ("bad", change["new"]))
