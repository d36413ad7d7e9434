"""Plans for tests, made through the command's own `main`."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

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
    violations: list[dict[str, Any]] = field(default_factory=list)
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

    def inputs(self, kind: str) -> list[dict[str, Any]]:
        """The inputs of all resources of a type."""
        return [step.inputs for step in self.steps if step.type == kind]

    @property
    def rules(self) -> set[str]:
        """The rules with mandatory violations, as `pack/rule`."""
        return {f"{item['pack']}/{item['policy']}" for item in self.violations if item["level"] == "mandatory"}


def rehearse(stack: str, project: Path, output: Path, packs: Sequence[str] = ()) -> Plan:
    """Plan a stack of a project, with all packs or the named ones."""
    arguments = ["--project", str(project), "--stack", stack, "--json", str(output)]
    for pack in packs:
        arguments += ["--pack", str(project / "policies" / pack)]
    log = output.with_suffix(".log")
    process = _FORKED.Process(target=_command, args=(arguments, log))
    process.start()
    process.join()
    assert process.exitcode is not None
    printed = log.read_text()
    if not output.exists():
        return Plan(process.exitcode, printed)
    document = json.loads(output.read_text())
    states = [(step["urn"], step["newState"]) for step in document["steps"] if "newState" in step]
    return Plan(
        process.exitcode,
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


def _command(arguments: list[str], log: Path) -> None:
    """Run the command in a forked child, on a clean process but for the SDKs; what it prints goes to a file."""
    from rehearsal.__main__ import main

    with log.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    sys.argv = ["rehearsal", *arguments]
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@lru_cache
def plan_of(stack: str) -> Plan:
    """The plan of one of the project's own stacks."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return rehearse(stack, PROJECT, Path(folder) / "plan.json")


def copy_project(folder: Path) -> Path:
    """Copy what a plan needs into a folder, to be changed there; the packs, but for their configuration, are links."""
    project = folder / "project"
    project.mkdir()
    for file in [PROJECT / "__main__.py", *PROJECT.glob("Pulumi*.yaml")]:
        shutil.copy(file, project)
    shutil.copytree(PROJECT / "components", project / "components", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "policies").mkdir()
    for path in (PROJECT / "policies").iterdir():
        if path.name == "config":
            shutil.copytree(path, project / "policies" / "config")
        else:
            (project / "policies" / path.name).symlink_to(path)
    return project
