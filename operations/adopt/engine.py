"""Runs the Pulumi CLI for an adoption: on the stack itself, or on an empty one of the same name in a private backend.

The CLI's output isn't shown, because a preview or an import may print secret values.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from operations import engine_state, state_backend
from operations.engine_state import EngineState
from operations.pulumi_cli import PULUMI, run_cli
from rehearsal.engine.properties import SECRET_MARK
from stackfiles import project, yaml_file
from stackfiles.failures import Failure
from stackfiles.plan_document import PlanDocument

SECRET_MARKER: Final = {**SECRET_MARK, "plaintext": "null"}
"""Marks an input in an import file as a secret without giving its value: the engine takes the value that the provider
reads, and only the mark from here (pkg/resource/deploy/import.go of pulumi/pulumi)."""

_MOST_ERROR_LINES: Final = 12
"""How many lines of the CLI's errors are shown."""

ImportRow = dict[str, Any]
"""An element of `resources` in an import file."""


@dataclass(frozen=True)
class Engine:
    """The CLI on one stack of the project in a folder; `environment` is added to the shell's environment."""

    folder: Path
    stack: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def preview(self) -> tuple[PlanDocument, list[ImportRow]]:
        """Preview without the packs: the plan, and the import file's rows for everything that would be created.

        Raises:
            Failure: the preview failed.
        """
        with tempfile.TemporaryDirectory() as scratch:
            rows = Path(scratch, "import.json")
            options = ("--json", "--show-sames", "--import-file", str(rows))
            done = self._pulumi("preview", *options)
            document: PlanDocument = json.loads(done.stdout)
            return document, json.loads(rows.read_text(encoding="utf-8")).get("resources", [])

    def judged_preview(self) -> PlanDocument:
        """Preview with every pack attached, as a deploy does.

        Raises:
            Failure: there is no plan.
        """
        with tempfile.TemporaryDirectory() as scratch:
            output = Path(scratch, "plan.json")
            command = [sys.executable, "-m", "operations", "deploy", "preview", "--stack", self.stack]
            command += ["--project", str(self.folder), "--json", str(output)]
            # The exit code is 1 if a pack reports a mandatory violation; the plan contains it.
            done = _run(command, Path(__file__).parents[2], self._environment())
            if not output.exists():
                raise Failure(f"the preview with the packs failed:\n{_errors(done)}")
            document: PlanDocument = json.loads(output.read_text(encoding="utf-8"))
            return document

    def import_resources(self, rows: Sequence[ImportRow]) -> None:
        """Import resources, without protecting them or generating code.

        The rows have to include the parents, or the engine refuses. Resources that are already in the state stay as
        they are.

        Raises:
            Failure: one of them can't be imported.
        """
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch, "import.json")
            file.write_text(json.dumps({"resources": list(rows)}), encoding="utf-8")
            options = ("--file", str(file), "--protect=false", "--generate-code=false", "--yes", "--suppress-outputs")
            self._pulumi("import", *options)

    def state(self) -> EngineState:
        """Return the stack's state.

        Raises:
            Failure: it can't be read.
        """
        return engine_state.load(self.folder, self.stack, self.environment)

    def _environment(self) -> dict[str, str]:
        return {**state_backend.environment(self.folder, self.stack), **self.environment}

    def _pulumi(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [PULUMI, *words, "--stack", self.stack, "--non-interactive"]
        done = _run(command, self.folder, self._environment())
        if done.returncode:
            raise Failure(f"`{PULUMI} {words[0]}` ended with exit code {done.returncode}:\n{_errors(done)}")
        return done


@contextmanager
def scratch_engine(folder: Path, stack: str) -> Iterator[Engine]:
    """Yield an engine on an empty stack of the same name, in a private backend that is removed at the end.

    Raises:
        Failure: the CLI can't create the stack.
    """
    with tempfile.TemporaryDirectory(prefix="adopt-") as private:
        backend, copies = Path(private, "state"), Path(private, "project")
        backend.mkdir()
        copies.mkdir()
        # `stack init` writes into the stack's file, so it runs on a copy.
        stack_file = project.require_stack(folder, stack)
        for file in (folder / "Pulumi.yaml", stack_file):
            shutil.copy(file, copies)
        environment = {state_backend.BACKEND: f"file://{backend}"}
        provider = yaml_file.read(stack_file).get("secretsprovider")
        options = ("--secrets-provider", str(provider)) if provider else ()
        Engine(copies, stack, environment)._pulumi("stack", "init", "--no-select", *options)
        yield Engine(folder, stack, environment)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, even if this process is interrupted: an engine writes its state before it stops."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        code = run_cli(command, folder, environment, out, errors)
        said = []
        for file in (out, errors):
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    return subprocess.CompletedProcess(command, code, *said)


def _errors(done: subprocess.CompletedProcess[str]) -> str:
    """Return the first error lines of the CLI. With `--json`, they are in its document."""
    lines = [line.strip() for line in (*done.stderr.splitlines(), *done.stdout.splitlines())]
    said = [line for line in lines if line.startswith("error:") or " error: " in line]
    with contextlib.suppress(ValueError, TypeError, KeyError):
        told = [one for one in json.loads(done.stdout)["diagnostics"] if one["severity"] == "error"]
        said += [line.strip() for one in told for line in one["message"].splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in [*dict.fromkeys(said)][:_MOST_ERROR_LINES]) or (
        "  it gives no reason; run it yourself to see more"
    )
