"""The processes of the policy packs, started as the engine starts them (pkg/engine/update.go, analyzer_plugin.go).

Nothing here loads the SDK before the processes are started, so that they load theirs at the same time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeVar

from rehearsal.engine import interrupts
from stackfiles.failures import Failure
from stackfiles.project import Project

if TYPE_CHECKING:
    import grpc

ORGANIZATION: Final = "organization"
"""The organization of a stack on a self-managed backend."""

_ENGINE: Final = "127.0.0.1:0"
"""The engine's address, which a pack gets. The policy SDK never calls it."""

_STDERR_LINES: Final = 20

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Process:
    """A started pack: its folder with a `PulumiPolicy.yaml`, and its process.

    `port` is the first line that it prints; `timeout` is the limit in seconds for its start and for each answer.
    """

    folder: Path
    config_file: Path | None
    process: subprocess.Popen[bytes]
    stderr: IO[bytes]
    port: Future[bytes]
    timeout: float

    def failed(self, what: str) -> Failure:
        """Return a failure of this pack, with the end of its stderr.

        A traceback is reduced to its message and the last line of the pack's own code.
        """
        self.process.kill()
        self.process.wait()
        self.stderr.seek(0)
        wrote = self.stderr.read().decode(errors="replace")
        lines = [line for line in wrote.splitlines() if line[:1].strip() and not line.startswith("Traceback")]
        own = re.findall(rf'File "{re.escape(str(self.folder))}/(.+)", line (\d+)', wrote)
        lines += [f"at {self.folder.name}/{file}:{number}" for file, number in own[-1:]]
        said = "\n".join(f"  {line}" for line in lines[-_STDERR_LINES:])
        return Failure(f"policy pack {self.folder.name} {what}" + (f". It wrote:\n{said}" if said else "."))

    def answer(self, call: grpc.Future[_Answer], what: str) -> _Answer:
        """Wait for the answer to a call and return it; `what` describes the call in an error.

        Raises:
            Failure: the pack died, raised, or didn't answer within its time.
        """
        import grpc

        try:
            return call.result(timeout=self.timeout)
        except grpc.FutureTimeoutError:
            raise self.failed(f"didn't answer {what} within {self.timeout:g} s") from None
        except grpc.RpcError as error:
            state = "died while answering" if self._is_dead() else "failed to answer"
            raise self.failed(f"{state} {what}: {error.details() or error.code().name}") from None

    def _is_dead(self) -> bool:
        try:
            self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            return False
        return True


@contextlib.contextmanager
def launch(
    project: Project, folders: Sequence[tuple[Path, Path | None]], timeout: float
) -> Iterator[Sequence[Process]]:
    """Start every pack (its folder, its configuration file or None) and stop them all at the end.

    A pack has `timeout` seconds to start, and the same time for each answer.
    """
    environment = os.environ | {
        "PULUMI_ORGANIZATION": ORGANIZATION,
        "PULUMI_PROJECT": project.name,
        "PULUMI_STACK": project.stack,
        "PULUMI_DRY_RUN": "true",
        # Without secret values: no rule needs them, and a process can't print what it doesn't have.
        "PULUMI_CONFIG": json.dumps(dict(project.config)),
    }
    started: list[Process] = []
    try:
        for folder, config_file in folders:
            # A process that isn't in the list yet would outlive an interrupt.
            with interrupts.held_back():
                started.append(_start(folder, config_file, environment, timeout))
        yield started
    finally:
        with interrupts.held_back():
            for pack in started:
                pack.process.kill()
            for pack in started:
                pack.process.wait()
                pack.stderr.close()


def _start(folder: Path, config_file: Path | None, environment: Mapping[str, str], timeout: float) -> Process:
    stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-u", "-m", "pulumi.policy", _ENGINE, str(folder)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        # Ctrl-C must only reach this process, which stops the packs: an interrupted pack would look like a failure.
        process_group=0,
    )
    port: Future[bytes] = Future()
    threading.Thread(target=_listen, args=(process.stdout, port), daemon=True).start()
    return Process(folder, config_file, process, stderr, port, timeout)


def _listen(stdout: IO[bytes], port: Future[bytes]) -> None:
    """Read the port from a pack's first line; keep reading, so that a pack that prints more never blocks."""
    port.set_result(stdout.readline())
    with contextlib.suppress(ValueError):
        for _ in stdout:
            pass
