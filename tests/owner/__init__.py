"""The project as an owner of the suite's own has it: the repository's code with the stack files beside this one.

Whoever owns the repository writes their account, region, domain and environments into its stack files. Tests read none
of these: they plan, break and run commands on this project, so that they pass whatever the repository's files say.
What is derived from the stack files is written by `python -m tests.owner`.
"""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests import session
from tests.forks import NAME, PROJECT

FILES: Final = Path(__file__).resolve().parent
"""The folder of the stack files and of what is derived from them."""
HERE: Final = FILES / "here"
"""The same of `lab`, a stack that makes its workloads. It is in a project of its own, so that few tests plan it."""

_OF_THE_OWNER: Final = ("Pulumi*.yaml", "policies", "docs", "build", ".git", ".pulumi-state")
"""What of the repository isn't the same for every owner, or is no part of the project."""


@cache
def owned() -> Path:
    """Return the folder of this project, which is made once in a session. Nothing may be changed in it."""
    return Path(session.shared("owned project", lambda: str(lay(Path(os.environ[session.FOLDER])))))


@cache
def owned_here() -> Path:
    """Return the folder of the project with the stack `lab`, which is made once in a session, as that of `owned`."""

    def make() -> str:
        folder = Path(os.environ[session.FOLDER]) / "here"
        folder.mkdir()
        return str(lay(folder, HERE))

    return Path(session.shared("owned project with workloads", make))


def owned_with(stack: str) -> Path:
    """Return the folder of the project that has a stack: `owned`, or `owned_here`."""
    return owned() if files_with(stack) == FILES else owned_here()


def files_with(stack: str) -> Path:
    """Return the folder that has a stack's file: `FILES` or `HERE`."""
    return HERE if (HERE / f"Pulumi.{stack}.yaml").exists() else FILES


def lay(folder: Path, files: Path = FILES) -> Path:
    """Make the project in a folder with some stack files, the code as links, and return where it is."""
    project = folder / "project"
    project.mkdir()
    for path in PROJECT.iterdir():
        if not any(path.match(pattern) for pattern in _OF_THE_OWNER):
            (project / path.name).symlink_to(path)
    give_files(project, files)
    link_packs(project)
    return project


def give_files(project: Path, files: Path = FILES) -> None:
    """Give a project without files of its owner those of this one, which are in a folder."""
    declared = (PROJECT / "Pulumi.yaml").read_text()
    (project / "Pulumi.yaml").write_text(re.sub(r"^name: .*$", f"name: {NAME}", declared, flags=re.MULTILINE))
    for file in files.glob("Pulumi.*.yaml"):
        shutil.copy(file, project)
    shutil.copytree(files / "policies", project / "policies", dirs_exist_ok=True)
    shutil.copy(PROJECT / "policies" / "config" / "packs.json", project / "policies" / "config")


def link_packs(project: Path, repository: Path = PROJECT) -> None:
    """Give a project the packs of a repository as links, beside their configuration."""
    for path in (repository / "policies").iterdir():
        if path.name != "config":
            (project / "policies" / path.name).symlink_to(path)


def config(stack: str) -> dict[str, Any]:
    """Return the configuration of one of the stack files: key -> value."""
    said: dict[str, Any] = yaml.load((FILES / f"Pulumi.{stack}.yaml").read_text(), yaml.CSafeLoader)["config"]
    return said
