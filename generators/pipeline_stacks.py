"""Writes the names of the stacks into the pipelines, which run for one stack at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stackfiles.failures import BadConfiguration
from stackfiles.project import default_stack, stacks

_CIRCLECI: Final = ".circleci/config.yml"
_GITHUB: Final = ".github/workflows"

_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    _CIRCLECI: {
        r"(?<=\n  stack:\n    type: enum\n)    enum: .*\n    default: .*(?=\n)": (
            "    enum: [{all}]\n    default: {default}"
        )
    },
    f"{_GITHUB}/main.yml": {
        r"(?<=\n        type: choice\n)        options: .*\n        default: .*(?=\n)": (
            "        options: [{all}]\n        default: {default}"
        ),
        r"(?<=inputs\.stack \|\| ')[\w-]+(?=')": "{default}",
    },
    f"{_GITHUB}/pull-request.yml": {r"(?<=\n  STACK: )[\w-]+(?=\n)": "{default}"},
    f"{_GITHUB}/scheduled.yml": {r"(?<=\n  STACK: )[\w-]+(?=\n)": "{default}"},
}
"""File -> pattern of a place that names stacks -> text for it. Files that a project doesn't have are left out."""


def pipelines(project: Path) -> dict[Path, str]:
    """Return each pipeline file of a project, and its text with the names of the project's stacks.

    Raises:
        BadConfiguration: a file has no match for one of these patterns.
    """
    every, default = stacks(project), default_stack(project)
    found = {}
    for name, patterns in _NAMES.items():
        if not (file := project / name).exists():
            continue
        text = file.read_text(encoding="utf-8")
        for pattern, says in patterns.items():
            text, replaced = re.subn(pattern, says.format(all=", ".join(every), default=default), text)
            if not replaced:
                raise BadConfiguration(f"{name}: names no stack where `{pattern}` (a regular expression) expects one")
        found[Path(name)] = text
    return found


def write(project: Path) -> None:
    """Write a project's pipelines."""
    for name, text in pipelines(project).items():
        (project / name).write_text(text, encoding="utf-8")
        print(name)
