"""Runs the project's program as the language host does, on the embedded engine."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import json
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.engine import deadlock
from rehearsal.engine.lines import belongs_to_program, stack_trace
from rehearsal.engine.plan import Judges, Step
from rehearsal.engine.program_fault import ProgramFault
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.project import Project

if TYPE_CHECKING:
    from rehearsal.engine.monitor import Engine, Monitor


class _ImmediateExecutor(ThreadPoolExecutor):
    """Runs what the SDK submits to a thread at once, in the calling thread: no waiting, and always the same order."""

    def submit(self, fn: Callable[..., Any], /, *args: object, **kwargs: object) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # the caller's to handle, as with any executor
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Run:
    """A run's result: the registered resources, the log (severity, text), and the failure that ended it, if any."""

    steps: tuple[Step, ...] = ()
    diagnostics: tuple[tuple[str, str], ...] = ()
    failure: Failure | None = None


def run(project: Project, judges: Judges) -> Run:
    """Run the program and give each resource to the judges.

    The result's failure is a BadConfiguration if the program refuses its configuration, and a Failure if it raises or
    asks for something that a rehearsal can't do.
    """
    os.chdir(project.program)
    sys.path[0] = str(project.program)
    sys.argv = [str(project.program)]
    forget(project.folder)
    # The report goes to stdout and can be JSON, so the program's own output goes to stderr.
    with contextlib.redirect_stdout(sys.stderr):
        return contextvars.copy_context().run(_run, project, judges)


def _run(project: Project, judges: Judges) -> Run:
    from rehearsal.engine.monitor import Engine, Monitor

    try:
        config = {**project.config, **_placeholders(project)}
    except (Exception, SystemExit) as error:
        return Run(failure=_failure(error, project.folder))
    judges.configure(config)
    engine, monitor = Engine(), Monitor(project, config, judges)
    failure: Failure | None = None
    try:
        _execute(project, config, engine, monitor)
    except (Exception, SystemExit) as error:
        failure = _failure(error, project.folder)
    return Run(monitor.steps, tuple(engine.diagnostics), failure)


def _execute(project: Project, config: Mapping[str, str], engine: Engine, monitor: Monitor) -> None:
    """Run `__main__.py` as the language host does; its exceptions are propagated."""
    import pulumi.runtime

    from rehearsal.engine import outputs

    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # as the language host does: unfinished tasks are normal
    loop = deadlock.event_loop()  # never closed: closing it would warn about an interrupted program's tasks
    loop.set_default_executor(_ImmediateExecutor())
    asyncio.set_event_loop(loop)
    # The language host passes the whole configuration to the program in the environment.
    os.environ["PULUMI_CONFIG"] = json.dumps(config)
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(project.secret_keys)
    pulumi.runtime.set_all_config(dict(config), list(project.secret_keys))
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=project.name,
            stack=project.stack,
            monitor=monitor,
            engine=engine,
            dry_run=True,
            organization="organization",
            root_directory=str(project.folder),
        )
    )
    vars(pulumi.runtime.resource)["_get_stack_trace"] = stack_trace
    outputs.wait_together()
    program = pulumi.runtime.run_in_stack(lambda: (runpy.run_path(str(project.program), run_name="__main__"), None)[1])
    deadlock.run(program, loop)


def _placeholders(project: Project) -> Mapping[str, str]:
    """Return a placeholder of the right shape for each encrypted key, since nothing is decrypted here.

    The program provides them: `components.settings.placeholders()` maps keys without the project's name to texts.

    Raises:
        BadConfiguration: it has none for a key.
    """
    if not project.secret_keys:
        return {}
    try:
        settings = importlib.import_module("components.settings")
        offered: Mapping[str, str] = settings.placeholders() if hasattr(settings, "placeholders") else {}
    except ModuleNotFoundError as error:
        if error.name not in ("components", "components.settings"):
            raise
        offered = {}
    values = {key: offered.get(key.removeprefix(f"{project.name}:")) for key in project.secret_keys}
    if missing := [key for key, value in values.items() if value is None]:
        raise BadConfiguration(
            f"there is no placeholder for the secret {', '.join(missing)}, and a rehearsal decrypts nothing; add the "
            "key to placeholders() in components/settings.py"
        )
    return {key: value for key, value in values.items() if value is not None}


def forget(folder: Path) -> None:
    """Unload the project's own modules, so that another stack starts from scratch; the SDKs stay loaded."""
    for name, module in list(sys.modules.items()):
        if belongs_to_program(getattr(module, "__file__", None) or "", folder) and name != "__main__":
            del sys.modules[name]


def _failure(error: BaseException, folder: Path) -> Failure:
    """Describe what ended the program in one line, with the innermost place in the program's own code."""
    from pulumi import RunError

    place = _place(error, folder)
    match error:
        case ProgramFault():
            return Failure(f"{place}: {error}" if place else str(error))
        case Failure():
            return error
        case RunError():
            refused = getattr(error, "exit_code", Failure.exit_code) == BadConfiguration.exit_code
            return (BadConfiguration if refused else Failure)(str(error))
        case SyntaxError() if error.filename:
            place = f"{os.path.relpath(error.filename, folder)}:{error.lineno}"
            return Failure(f"{place}: {type(error).__name__}: {error.msg}")
        case SystemExit():
            said = f"the program ended itself with sys.exit({error.code!r})"
        case _:
            said = f"{type(error).__name__}: {error}"
    return Failure(f"{place or 'the program failed'}: {said}")


def _place(error: BaseException, folder: Path) -> str:
    stack = error.stack if isinstance(error, ProgramFault) else traceback.extract_tb(error.__traceback__)
    for frame in reversed(stack):
        if belongs_to_program(frame.filename, folder):
            return f"{os.path.relpath(frame.filename, folder)}:{frame.lineno}"
    return ""
