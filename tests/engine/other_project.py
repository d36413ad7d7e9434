"""Another project, set up as docs/least-privilege-on-the-engine.md says, and deployed to the stand-in for AWS."""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from tests.engine.deployment import HANGS, Deployment, Outcome
from tests.engine.stand_ins import attach
from tests.planning import PROJECT

PAGE: Final = (PROJECT / "docs" / "least-privilege-on-the-engine.md").read_text()
CLONE: Final = "least-privilege"
"""The page's name for the clone of this repository."""

PROGRAMS: Final = {"TypeScript": "index.ts", "Python": "__main__.py"}
_NEEDED: Final = {"TypeScript": ("node", "npm", "pulumi-language-nodejs"), "Python": ()}
_INSTALLED: Final = (".venv", "node_modules")
_PACK: Final = "policies/least_privilege"
_NEUTRAL: Final = f"{_PACK}/neutral.json"
_BUILD: Final = PROJECT / "build" / "other-projects"
_BLOCK: Final = re.compile(r"^`([^`\n]+)`(?:, ([^:\n]+))?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(file: str, state: str, text: str = PAGE) -> str:
    """Return the text that the page writes into a file, in the state that the page says the file is in."""
    [found] = [block for name, said, block in _BLOCK.findall(text) if (name, said) == (file, state)]
    return str(found)


@dataclass(frozen=True)
class OtherProject:
    """A project in one language, with the page's program and the pack beside it."""

    language: str
    deployment: Deployment

    @property
    def program(self) -> str:
        """The page's program."""
        return block(PROGRAMS[self.language], "", _section(self.language))

    def with_policy(self, state: str) -> str:
        """Return the program with the worker's policy in another state from the page."""
        other = block(PROGRAMS[self.language], state).strip()
        # Neither policy contains an empty line, and both begin with the same words.
        parts = self.program.split("\n\n")
        [at] = [at for at, part in enumerate(parts) if part.startswith(other.splitlines()[0])]
        return "\n\n".join([*parts[:at], other, *parts[at + 1 :]]) + "\n"

    def preview(self, program: str, configuration: str = "", pack: str = _PACK) -> Outcome:
        """Run the page's command on a program, with the page's configuration or other text for it."""
        return self._gated("preview", program, configuration, pack)

    def up(self, program: str, configuration: str = "") -> Outcome:
        """Apply with the same options."""
        return self._gated("up --yes", program, configuration, _PACK)

    def _gated(self, command: str, program: str, configuration: str, pack: str) -> Outcome:
        (self.deployment.project / PROGRAMS[self.language]).write_text(program)
        line = _commands(self.language)[-1]
        assert line == f"pulumi preview --policy-pack {_PACK} --policy-pack-config {_NEUTRAL}"
        file = _NEUTRAL
        if configuration:
            file = "least-privilege.json"
            (self.deployment.project / file).write_text(configuration)
        return run(f"pulumi {command} --policy-pack {pack} --policy-pack-config {file}", self.deployment)


def make(language: str, folder: Path) -> OtherProject:
    """Follow the page's section about a language up to the preview; skip the test if that isn't possible here."""
    if absent := [name for name in _NEEDED[language] if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(absent)} isn't on the path")
    project = folder / "orders"
    project.mkdir()
    (folder / CLONE).symlink_to(PROJECT)
    (folder / "state").mkdir()
    deployment = Deployment(folder, "dev", project, attach(folder / "cloud"))
    del deployment.environment["PYTHONPATH"]  # this project's modules must not be importable
    for name, state, text in _BLOCK.findall(_section(language)):
        assert not state
        (project / name).write_text(text)
    for line in _commands(language)[:-1]:
        if "install" in line:
            for installed in _installed(line, project):
                (project / installed.name).symlink_to(installed)
        else:
            outcome = run(line, deployment)
            assert outcome.code == 0, outcome.out
    return OtherProject(language, deployment)


@cache
def made(language: str) -> OtherProject:
    """Set the project up once, for tests that leave the account empty."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return make(language, folder)


def run(line: str, deployment: Deployment) -> Outcome:
    """Run a command line in the project."""
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=deployment.project,
        env=deployment.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANGS,
        check=False,
    )
    return Outcome(done.returncode, done.stdout)


def _section(language: str) -> str:
    return PAGE.partition(f"## A project in {language}\n")[2].partition("\n## ")[0]


def _commands(language: str) -> list[str]:
    return re.findall(r"^\$ (.*)$", _section(language), re.MULTILINE)


def _installed(line: str, project: Path) -> list[Path]:
    """Return the folders that a line of the page installs. They are kept in `build/`, as the package index is slow."""
    manifest = project / "package.json"
    text = line + (manifest.read_text() if line.startswith("npm") else "")
    folder = _BUILD / sha256(text.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            if line.startswith("npm"):
                shutil.copy(manifest, folder)
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=folder,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                pytest.skip(f"`{line}` fails: {done.stderr.strip()[-300:]}")
            (folder / "complete").touch()
    return [folder / name for name in _INSTALLED if (folder / name).exists()]
