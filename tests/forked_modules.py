"""Runs a project's commands as `python -m MODULE` in its folder does, in forks of a process with the SDKs loaded.

done = run_module(project, "operations", "init", "--offline")
assert done.code == 0, done.printed

The project's own modules are used. If a command starts another command of the project, that one is forked too; any
other program is started as usual.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.forks import PROJECT, Done, forked

_OWN: Final = frozenset(path.parent.name for path in PROJECT.glob("*/__init__.py"))
"""The project's packages."""

_START: Final = subprocess.run


def run_module(project: Path, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Done:
    """Run a module in a project's folder with these arguments, and wait for it to end."""
    return forked(run_as_main, project, module, arguments, environment=environment)


def forget_own_modules() -> None:
    """Make this process load the project's modules again."""
    for name in [name for name in sys.modules if name.partition(".")[0] in _OWN]:
        del sys.modules[name]


def run_as_main(folder: Path, module: str, arguments: Sequence[str]) -> int:
    """Do what `python -m MODULE` does, in a process that does nothing else, and return the exit code."""
    forget_own_modules()
    os.chdir(folder)
    sys.path[:] = [str(folder), *(path for path in sys.path if Path(path).resolve() != PROJECT)]
    sys.argv = [module, *arguments]
    vars(subprocess)["run"] = _run
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)  # as Python does
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401 - as there
    """Stand in for `subprocess.run`."""
    program, option, module, *arguments = [*map(str, command), "", ""][: max(len(command), 3)]
    if (program, option) != (sys.executable, "-m") or module.partition(".")[0] not in _OWN:
        return _START(command, **options)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        sys.stdout.flush()
        sys.stderr.flush()
        if not (child := os.fork()):
            if options.get("capture_output"):
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
            code = run_as_main(Path(options.get("cwd") or Path.cwd()), module, arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        done = subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status), out.read(), err.read())
    if options.get("check"):
        done.check_returncode()
    return done
