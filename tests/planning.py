"""Plans for tests, made through the command line as people make them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent


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


def rehearse(stack: str, project: Path, output: Path) -> Plan:
    """Plan a stack of a project with all packs."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "rehearsal",
            "--project",
            str(project),
            "--stack",
            stack,
            "--json",
            str(output),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = done.stdout + done.stderr
    if not output.exists():
        return Plan(done.returncode, printed)
    document = json.loads(output.read_text())
    states = [(step["urn"], step["newState"]) for step in document["steps"] if "newState" in step]
    return Plan(
        done.returncode,
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
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return rehearse(stack, PROJECT, Path(folder) / "plan.json")


def copy_project(folder: Path) -> Path:
    """Copy what a plan needs into a folder, to be changed there; the packs are the checkout's own."""
    project = folder / "project"
    project.mkdir()
    for file in [PROJECT / "__main__.py", *PROJECT.glob("Pulumi*.yaml")]:
        shutil.copy(file, project)
    shutil.copytree(PROJECT / "components", project / "components", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "policies").symlink_to(PROJECT / "policies")
    return project
