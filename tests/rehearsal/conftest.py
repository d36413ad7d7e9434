"""Runs `python -m rehearsal` on the workshop project, or on a copy with another program.

Most runs are forked from a process with the SDK loaded; `running` is for tests of the process itself.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackfiles.plan_document import PlanDocument
from tests.planning import command, forked

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORKSHOP = HERE / "projects" / "workshop"
PACKS = HERE / "packs"
PROGRAMS = HERE / "programs"


@dataclass(frozen=True)
class Outcome:
    """What a user sees of one run."""

    code: int
    out: str
    err: str

    @property
    def plan(self) -> PlanDocument:
        document: PlanDocument = json.loads(self.out)
        return document

    def states(self) -> dict[str, Any]:
        """The planned states by URN, without the stack and project in front."""
        return {short(step["urn"]): step["newState"] for step in self.plan["steps"]}

    def seen(self, policy: str) -> dict[str, Any]:
        """What the witness pack saw, by URN (see packs/witness)."""
        return {
            short(violation["urn"]): json.loads(violation["message"].partition("\n")[2])
            for violation in self.plan["policyViolations"]
            if violation["policy"] == policy
        }


def short(urn: str) -> str:
    return "::".join(urn.split("::")[2:])


def heed_signals() -> None:
    """Heed signals again that a shell tells its background jobs to ignore, or `nohup` its command."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def running(*arguments: str | Path, project: Path = WORKSHOP) -> subprocess.Popen[str]:
    """Start the command on a stack of a project, as a terminal does: in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "rehearsal", "--project", project, "--stack", "dev", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,  # noqa: PLW1509 - before any thread of it
    )


def rehearse(*arguments: str | Path, project: Path = WORKSHOP, stack: str = "dev", **environment: str) -> Outcome:
    """Run the command on a stack of a project; `--all-stacks` among the arguments wins over `stack`."""
    with tempfile.NamedTemporaryFile("r") as errors:
        options = ("--project", str(project), "--stack", stack, *map(str, arguments))
        code, printed = forked(_rehearse, errors.name, environment, options)
        return Outcome(code, printed, errors.read())


def _rehearse(errors: str, environment: Mapping[str, str], options: Sequence[str]) -> int:
    os.dup2(os.open(errors, os.O_WRONLY), sys.stderr.fileno())
    os.environ.update(environment)
    os.chdir(ROOT)
    return command(*options)


@pytest.fixture(scope="session")
def witnessed() -> Outcome:
    """The workshop's plan as JSON, judged by the pack that says what it sees."""
    return witness()


def witness() -> Outcome:
    # In a process of its own: where an SDK is loaded, as in a forked one, the workshop's types compute more.
    with running("--json", "-", "--pack", PACKS / "witness") as process:
        out, errors = process.communicate()
        return Outcome(process.returncode, out, errors)


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A copy of the workshop to change."""
    return Path(shutil.copytree(WORKSHOP, tmp_path / "workshop"))
