"""Runs `python -m rehearsal` on the workshop project, or on a copy with another program.

Most runs are forked from a process with the SDK loaded; `running` is for tests about the process itself.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stackfiles.plan_document import PlanDocument
from tests.planning import rehearsal_command

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORKSHOP = HERE / "projects" / "workshop"
PACKS = HERE / "packs"
PROGRAMS = HERE / "programs"

ENFORCED = "1 of 4 rules enforced (advisory: lonely-bench; disabled: unsigned, untagged)"
"""The part of a summary about the levels of the house's rules."""


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


def _options(arguments: Sequence[str | Path], project: Path, stack: str) -> list[str]:
    return ["--project", str(project), "--stack", stack, *map(str, arguments)]


@contextmanager
def heeding_signals() -> Iterator[None]:
    """Make processes that start in the block heed the signals that a shell's background job or `nohup` ignores.

    A `preexec_fn` would do so too, but forks: gRPC then starts its threads again in the child, which abort it when its
    descriptors are closed before the new program starts.
    """
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def running(*arguments: str | Path, project: Path = WORKSHOP) -> subprocess.Popen[str]:
    """Start the command on a stack of a project as a terminal does: in its own process group."""
    with heeding_signals():
        return subprocess.Popen(
            [sys.executable, "-m", "rehearsal", *_options(arguments, project, "dev")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def rehearse(
    *arguments: str | Path,
    project: Path = WORKSHOP,
    stack: str = "dev",
    resident: Path = WORKSHOP / "policies",
    **environment: str,
) -> Outcome:
    """Run the command on a stack of a project; `--all-stacks` among the arguments wins over `stack`.

    It runs in a fork; the packs in the folder `resident` stay for later runs.
    """
    options = _options(arguments, project, stack)
    done = rehearsal_command(*options, packs=resident, environment=environment)
    return Outcome(done.code, done.out, done.err)


def start(*arguments: str | Path, project: Path = WORKSHOP, stack: str = "dev") -> Outcome:
    """Run the command as a user does, in its own process from the first line of Python on."""
    command = [sys.executable, "-m", "rehearsal", *_options(arguments, project, stack)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def witnessed() -> Outcome:
    """The workshop's plan as JSON, judged by the pack that reports what it sees, in a process without the SDKs."""
    return start("--json", "-", "--pack", PACKS / "witness")


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A copy of the workshop that tests may change."""
    return Path(shutil.copytree(WORKSHOP, tmp_path / "workshop"))
