"""Plans for tests, made through the command's own `main`."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from stackfiles.plan_document import UNKNOWN, PlanDocument, Violation

PROJECT = Path(__file__).resolve().parent.parent

# Each plan runs in a process of its own, forked from one that has loaded the SDKs: that's most of a plan's time.
_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["tests.sdks"])


@dataclass(frozen=True)
class Step:
    """One resource of a plan."""

    urn: str
    type: str
    inputs: dict[str, Any]
    source: str
    protected: bool


@dataclass(frozen=True)
class Plan:
    """What `python -m rehearsal --json` wrote."""

    exit_code: int
    printed: str
    steps: list[Step] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    unknown = UNKNOWN

    def inputs(self, kind: str) -> list[dict[str, Any]]:
        """The inputs of all resources of a type."""
        return [step.inputs for step in self.steps if step.type == kind]

    @property
    def rules(self) -> set[str]:
        """The rules with mandatory violations, as `pack/rule`."""
        return {f"{item['pack']}/{item['policy']}" for item in self.violations if item["level"] == "mandatory"}


def forked(function: Callable[..., int], *arguments: object) -> tuple[int, str]:
    """Run a function in a process with the SDKs loaded and nothing else; return its exit code and all that it printed.

    The function is at the top of a module, and its arguments can be pickled.
    """
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder) / "printed"
        process = _FORKED.Process(target=_call, args=(function, arguments, printed))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, printed.read_text()


def _call(function: Callable[..., int], arguments: tuple[object, ...], printed: Path) -> None:
    with printed.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    code = function(*arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def command(*arguments: str) -> int:
    """Run `python -m rehearsal` with these arguments; for `forked`."""
    from rehearsal.__main__ import main

    sys.argv = ["rehearsal", *arguments]
    return main()


def rehearse(stack: str, project: Path, output: Path, packs: Sequence[str] = ()) -> Plan:
    """Plan a stack of a project, with all packs or the named ones."""
    chosen = [argument for pack in packs for argument in ("--pack", str(project / "policies" / pack))]
    code, printed = forked(command, "--project", str(project), "--stack", stack, "--json", str(output), *chosen)
    if not output.exists():
        return Plan(code, printed)
    document: PlanDocument = json.loads(output.read_text())
    states = [(step["urn"], step["newState"]) for step in document["steps"] if "newState" in step]
    return Plan(
        code,
        printed,
        [
            Step(
                urn,
                state["type"],
                state.get("inputs", {}),
                state.get("sourcePosition", ""),
                bool(state.get("protect")),
            )
            for urn, state in states
        ],
        document["policyViolations"],
    )


@lru_cache
def plan_of(stack: str) -> Plan:
    """The plan of one of the project's own stacks."""
    with tempfile.TemporaryDirectory() as folder:
        return rehearse(stack, PROJECT, Path(folder) / "plan.json")


def copy_project(folder: Path) -> Path:
    """Copy what a plan needs into a folder, to be changed there; the packs, but for their configuration, are links."""
    project = folder / "project"
    project.mkdir()
    for file in [PROJECT / "__main__.py", *PROJECT.glob("Pulumi*.yaml")]:
        shutil.copy(file, project)
    for package in ("components", "generators"):
        shutil.copytree(PROJECT / package, project / package, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "policies").mkdir()
    for path in (PROJECT / "policies").iterdir():
        if path.name == "config":
            shutil.copytree(path, project / "policies" / "config")
        else:
            (project / "policies" / path.name).symlink_to(path)
    return project
