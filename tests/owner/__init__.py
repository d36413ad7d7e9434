"""The project with an owner of the suite's own: the repository's code with the stack files beside this module.

The repository's real owner writes account, region, domain and environments into its stack files. Tests read none of
those: they plan, break and run commands on this project, so that they pass whatever the repository's files contain.
`python -m tests.owner` writes the files that are derived from these stack files.
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
"""The folder of the stack files and of the files derived from them."""
HERE: Final = FILES / "here"
"""The same for `lab`, a stack that creates its workloads. It has a separate project, so that few tests plan it."""

_OF_THE_OWNER: Final = ("Pulumi*.yaml", "policies", "docs", "build", ".git", ".pulumi-state")
"""Files of the repository that differ between owners, or aren't part of the project."""


@cache
def owned() -> Path:
    """Return the folder of this project, which is created once in a session and must not be changed."""
    return Path(session.shared("owned project", lambda: str(lay(Path(os.environ[session.FOLDER])))))


@cache
def owned_here() -> Path:
    """Return the folder of the project with the stack `lab`; like that of `owned`, it must not be changed."""

    def make() -> str:
        folder = Path(os.environ[session.FOLDER]) / "here"
        folder.mkdir()
        return str(lay(folder, HERE))

    return Path(session.shared("owned project with workloads", make))


def owned_with(stack: str) -> Path:
    """Return the folder of the project that has a stack: `owned()` or `owned_here()`."""
    return owned() if files_with(stack) == FILES else owned_here()


def files_with(stack: str) -> Path:
    """Return the folder that has a stack's file: `FILES` or `HERE`."""
    return HERE if (HERE / f"Pulumi.{stack}.yaml").exists() else FILES


def lay(folder: Path, files: Path = FILES) -> Path:
    """Create the project in a folder, with some stack files and the code as links; return its folder."""
    project = folder / "project"
    project.mkdir()
    for path in PROJECT.iterdir():
        if not any(path.match(pattern) for pattern in _OF_THE_OWNER):
            (project / path.name).symlink_to(path)
    give_files(project, files)
    link_packs(project)
    return project


def give_files(project: Path, files: Path = FILES) -> None:
    """Copy the stack files in a folder, and their derived files, into a project that has none."""
    declared = (PROJECT / "Pulumi.yaml").read_text()
    (project / "Pulumi.yaml").write_text(re.sub(r"^name: .*$", f"name: {NAME}", declared, flags=re.MULTILINE))
    for file in files.glob("Pulumi.*.yaml"):
        shutil.copy(file, project)
    shutil.copytree(files / "policies", project / "policies", dirs_exist_ok=True)
    shutil.copy(PROJECT / "policies" / "config" / "packs.json", project / "policies" / "config")


def link_packs(project: Path, repository: Path = PROJECT) -> None:
    """Link the packs of a repository into a project, beside their configuration."""
    for path in (repository / "policies").iterdir():
        if path.name != "config":
            (project / "policies" / path.name).symlink_to(path)


def config(stack: str) -> dict[str, Any]:
    """Return the configuration of one of the stack files: key -> value."""
    said: dict[str, Any] = yaml.load((FILES / f"Pulumi.{stack}.yaml").read_text(), yaml.CSafeLoader)["config"]
    return said
