"""Makes plans for tests, through the `main` of `python -m rehearsal`."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from stackfiles.plan_document import UNKNOWN, PlanDocument, Violation, rules_named
from tests import ended_processes, resident_packs
from tests.forks import NAME as NAME
from tests.forks import PROJECT as PROJECT
from tests.forks import Done, forked
from tests.owner import files_with, give_files, link_packs, owned, owned_with
from tests.session import shared


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
    """The document that `python -m rehearsal --json` wrote."""

    exit_code: int
    printed: str
    steps: list[Step] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    complete: bool = False
    """Whether the program ran to its end."""
    unknown = UNKNOWN

    def inputs(self, kind: str) -> list[dict[str, Any]]:
        """The inputs of all resources of a type."""
        return [step.inputs for step in self.steps if step.type == kind]

    @property
    def rules(self) -> set[str]:
        """The rules with mandatory violations, as `pack/rule`."""
        return {rule for item in self.violations if item["level"] == "mandatory" for rule in rules_named(item)}


def rehearsal_command(*arguments: str, packs: Path | None = None, environment: Mapping[str, str] | None = None) -> Done:
    """Run `python -m rehearsal` with these arguments in a fork; packs in the folder `packs` stay for later plans.

    Without the option `--project`, the project is that of the suite's own owner; its packs are the default of `packs`.
    """
    options = () if "--project" in arguments else ("--project", str(owned()))
    packs = packs or owned() / "policies"
    return forked(command, ended_processes.register(), packs, *options, *arguments, environment=environment)


def command(register: Path, packs: Path, *arguments: str) -> int:
    """Act as `python -m rehearsal` in a fork, with a register of resident packs."""
    from rehearsal.__main__ import main

    resident_packs.attach(register, packs)
    sys.argv = ["rehearsal", *arguments]
    return main()


def rehearse(stack: str, project: Path, output: Path, packs: Sequence[str] = (), *, often: bool = False) -> Plan:
    """Plan a stack of a project, with all packs or the named ones, and write the plan's document to `output`.

    The resources aren't printed. Packs stay for later plans if they have the configuration of the suite's owner, or if
    `often` says that more plans will need them.
    """
    chosen = [argument for pack in packs for argument in ("--pack", str(project / "policies" / pack))]
    options = (*plan_options(stack, project, output), *chosen)
    return written(rehearsal_command(*options, packs=project / "policies" if often else None), output)


def plan_only(stack: str, project: Path, output: Path) -> Plan:
    """Plan a stack of a project without judging it."""
    return written(rehearsal_command(*plan_options(stack, project, output), "--unjudged"), output)


def plan_options(stack: str, project: Path, output: Path) -> tuple[str, ...]:
    """Return the command's options that plan a stack of a project and print only its verdict."""
    return ("--project", str(project), "--stack", stack, "--json", str(output), "--quiet")


def written(done: Done, output: Path) -> Plan:
    """The plan that a command wrote to a file."""
    return _read(done.code, done.printed, output.read_text() if output.exists() else "")


def _read(code: int, printed: str, text: str) -> Plan:
    if not text:
        return Plan(code, printed)
    document: PlanDocument = json.loads(text)
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
        "error" not in document,
    )


@cache
def plan_of(stack: str) -> Plan:
    """The plan of one of the suite's own stacks."""
    return _read(*json.loads(_rehearsed(stack)))


def document_of(stack: str) -> PlanDocument:
    """The document of that plan, as `--json` writes it."""
    _, printed, text = json.loads(_rehearsed(stack))
    assert text, printed
    document: PlanDocument = json.loads(text)
    return document


def _rehearsed(stack: str) -> str:
    def make() -> str:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "plan.json"
            project = owned_with(stack)
            done = rehearsal_command(
                *("--project", str(project), "--stack", stack, "--json", str(output)), packs=project / "policies"
            )
            return json.dumps([done.code, done.printed, output.read_text() if output.exists() else ""])

    return shared(f"plan of {stack}", make)


def copy_project(folder: Path, stack: str = "prod") -> Path:
    """Copy what a plan needs into a folder that tests may change. Packs are links; their configuration is copied.

    The stack files come from the owner that `stack` belongs to. Byte code is copied too, so that Python compiles only
    the files that a test changes.
    """
    project = folder / "project"
    project.mkdir()
    shutil.copy(PROJECT / "__main__.py", project)
    shutil.copytree(PROJECT / "components", project / "components")
    for package in ("generators", "stackfiles"):
        (project / package).symlink_to(PROJECT / package)
    give_files(project, files_with(stack))
    link_packs(project)
    return project
