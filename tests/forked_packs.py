"""Runs policy packs in forks of the planning process, which has loaded most of what a pack needs already.

A fork does what `python -m pulumi.policy ENGINE FOLDER` does. The planning process still has only one thread when it
starts its packs.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from tests.forked_modules import run_as_main

_MODULE = "pulumi.policy"


def fork_packs() -> None:
    """Make this process fork its packs."""

    class Popen(subprocess.Popen[bytes]):
        def __new__(cls, command: Sequence[str], **options: Any) -> Any:  # noqa: ANN401 - as in the standard library
            if _MODULE in command:
                return ForkedPack(Path(command[-1]), options["env"], options["stderr"])
            return super().__new__(cls)

    vars(subprocess)["Popen"] = Popen


class ForkedPack:
    """Stands in for the `Popen` of a pack, as far as the engine's double uses it.

    The pack prints to the file `stdout` if there is one; otherwise its output can be read from the attribute `stdout`.
    `first` is called in the pack's process before anything else.
    """

    def __init__(
        self,
        pack: Path,
        environment: Mapping[str, str],
        stderr: IO[bytes],
        stdout: IO[bytes] | None = None,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            _run_pack(pack, environment, stdout.fileno() if stdout else writing, stderr.fileno(), first)
        os.close(writing)
        self.stdout = os.fdopen(reading, "rb")
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if ended else None
        return self._code

    def wait(self, timeout: float = float("inf")) -> int:
        """Wait for the process to end and return its exit code; `timeout` is in seconds.

        Raises:
            subprocess.TimeoutExpired: it is still running.
        """
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(_MODULE, timeout)
            time.sleep(0.002)
        return code

    def kill(self) -> None:
        """Kill the process."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _run_pack(
    pack: Path, environment: Mapping[str, str], stdout: int, stderr: int, first: Callable[[], None]
) -> NoReturn:
    """Act as the process of a pack."""
    code = 1
    try:
        first()
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        sys.stdout, sys.stderr = _unbuffered(1), _unbuffered(2)
        os.environ.clear()
        os.environ.update(environment)
        code = run_as_main(pack, _MODULE, ("127.0.0.1:0", str(pack)))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _unbuffered(descriptor: int) -> io.TextIOWrapper:
    """Return a stream that is unbuffered, as with `python -u`."""
    return io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), write_through=True)
