"""Runs functions in forks of a process with the SDKs loaded, since loading them takes most of a plan's time.

done = forked(command, "--stack", "prod")
assert done.code == 0, done.printed
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import sys
import tempfile
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Final, NoReturn

from tests import own_files

PROJECT: Final = Path(__file__).resolve().parent.parent
NAME: Final = "rocketclub-platform"
"""The name of the project of the suite's own owner (tests/owner)."""

_SERVER: Final = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.sdks"])


@dataclass(frozen=True)
class Done:
    """The result of a process: its exit code, and what it wrote to stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def printed(self) -> str:
        """Everything that it wrote."""
        return self.out + self.err


def forked(function: Callable[..., int], *arguments: object, environment: Mapping[str, str] | None = None) -> Done:
    """Run a function in its own process, in the project's folder, and wait for it to end.

    The function is defined at the top level of a module and returns the exit code; its arguments must be picklable.
    `environment` is added to the variables of this process.
    """
    variables = dict(os.environ) | dict(environment or {})
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        process = _SERVER.Process(target=_call, args=(function, arguments, variables, folder))
        process.start()
        process.join()
        assert process.exitcode is not None
        written = ((folder / name).read_text() if (folder / name).exists() else "" for name in ("out", "err"))
        return Done(process.exitcode, *written)


def running(function: Callable[..., int], *arguments: object) -> tuple[BaseProcess, IO[str]]:
    """Start a function as `forked` does, and return its process and what it writes to stdout and stderr."""
    reading, writing = _SERVER.Pipe(duplex=False)
    process = _SERVER.Process(target=_stream, args=(function, arguments, dict(os.environ), writing))
    process.start()
    writing.close()
    with reading:
        return process, os.fdopen(os.dup(reading.fileno()))


def at_terminal(terminal: str, function: Callable[..., int], *arguments: object) -> BaseProcess:
    """Start a function in its own process on this dumb terminal; return the process once it has opened the terminal."""
    ended, opened = _SERVER.Pipe(duplex=False)
    variables = {**os.environ, "TERM": "dumb"}
    process = _SERVER.Process(target=_call_at, args=(terminal, opened, function, arguments, variables))
    process.start()
    opened.close()
    with ended, suppress(EOFError):
        ended.recv()
    return process


def _call_at(
    terminal: str,
    opened: Connection,
    function: Callable[..., int],
    arguments: tuple[object, ...],
    variables: Mapping[str, str],
) -> None:
    os.setsid()
    device = os.open(terminal, os.O_RDWR)
    fcntl.ioctl(device, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(device, number)
    os.close(device)
    opened.close()
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    _run_and_exit(function, arguments, variables)


def _call(
    function: Callable[..., int], arguments: tuple[object, ...], variables: Mapping[str, str], folder: Path
) -> NoReturn:
    for stream, name in ((sys.stdout, "out"), (sys.stderr, "err")):
        with (folder / name).open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    _run_and_exit(function, arguments, variables)


def _stream(
    function: Callable[..., int], arguments: tuple[object, ...], variables: Mapping[str, str], writing: Connection
) -> NoReturn:
    with writing:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(writing.fileno(), stream.fileno())
    _run_and_exit(function, arguments, variables)


def _run_and_exit(
    function: Callable[..., int], arguments: tuple[object, ...], variables: Mapping[str, str]
) -> NoReturn:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(PROJECT)
    if "PYTEST_CURRENT_TEST" in variables:
        own_files.keep_away(PROJECT)
    code = function(*arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
