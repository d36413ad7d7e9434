"""Writes the names of the stacks into the pipeline, which is started for one of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from stackfiles.failures import BadConfiguration
from stackfiles.project import stacks

PIPELINE: Final = Path(".circleci", "config.yml")
_PARAMETER: Final = re.compile(r"(?<=\n  stack:\n    type: enum\n)    enum: .*\n    default: .*(?=\n)")


def pipeline(project: Path) -> str:
    """Return the text of a project's pipeline with the names of its stacks; production is the default.

    Raises:
        BadConfiguration: the pipeline has no parameter `stack` as it is written here.
    """
    found = stacks(project)
    default = "prod" if "prod" in found else found[0]
    text, replaced = _PARAMETER.subn(
        f"    enum: [{', '.join(found)}]\n    default: {default}", (project / PIPELINE).read_text(encoding="utf-8")
    )
    if not replaced:
        raise BadConfiguration(
            f"{PIPELINE}: there is no parameter `stack`; accepted under `parameters`: `stack` with the lines "
            "`type: enum`, `enum: [...]` and `default: ...`, in this order"
        )
    return text


def write(project: Path) -> None:
    """Write a project's pipeline."""
    (project / PIPELINE).write_text(pipeline(project), encoding="utf-8")
    print(PIPELINE)
