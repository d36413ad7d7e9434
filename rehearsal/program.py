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
from pathlib import Path
from typing import Any

from rehearsal.failures import BadConfiguration, Failure, ProgramFault
from rehearsal.plan import Judges, Plan
from rehearsal.project import Project
from rehearsal.properties import Json


class _Here(ThreadPoolExecutor):
    """Runs what the SDK sends to a thread at once, where it is: no waiting, and always the same order."""

    def submit(self, fn: Callable[..., Any], /, *args: Json, **kwargs: Json) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # the caller's to handle, as with any executor
            future.set_exception(error)
        return future


def run(project: Project, plan: Plan, judges: Judges) -> None:
    """Run the program; its resources are added to the plan and given to the judges.

    Raises:
        Failure: the program raised, or asked for what a rehearsal can't do.
        BadConfiguration: the program refused its configuration.
    """
    os.chdir(project.program)
    sys.path[0] = str(project.program)
    sys.argv = [str(project.program)]
    _forget(project.folder)
    # What the program prints is no part of the report, which may be JSON.
    with contextlib.redirect_stdout(sys.stderr):
        contextvars.copy_context().run(_run, project, plan, judges)


def _run(project: Project, plan: Plan, judges: Judges) -> None:
    import pulumi
    import pulumi.runtime

    from rehearsal.monitor import Engine, Monitor

    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # as the language host: half-run graphs are normal
    loop = asyncio.new_event_loop()  # never closed: closing it complains about what an interrupted program left
    loop.set_default_executor(_Here())
    asyncio.set_event_loop(loop)
    try:
        config = {**project.config, **_placeholders(project.secret_keys)}
        # The environment is where the language host gives a program its configuration as a whole.
        os.environ["PULUMI_CONFIG"] = json.dumps(config)
        os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(project.secret_keys)
        pulumi.runtime.set_all_config(config, list(project.secret_keys))
        pulumi.runtime.configure(
            pulumi.runtime.Settings(
                project=project.name,
                stack=project.stack,
                monitor=Monitor(project, config, plan, judges),
                engine=Engine(plan),
                dry_run=True,
                organization="organization",
                root_directory=str(project.folder),
            )
        )
        loop.run_until_complete(
            pulumi.runtime.run_in_stack(lambda: (runpy.run_path(str(project.program), run_name="__main__"), None)[1])
        )
    except ProgramFault as fault:
        place = _place(fault, project.folder)
        raise Failure(f"{place}: {fault}" if place else str(fault)) from None
    except Failure:
        raise
    except pulumi.RunError as error:
        refused = getattr(error, "exit_code", Failure.exit_code) == BadConfiguration.exit_code
        raise (BadConfiguration if refused else Failure)(str(error)) from None
    except (Exception, SystemExit) as error:
        raise Failure(_explain(error, project.folder)) from None


def _placeholders(secret_keys: tuple[str, ...]) -> Mapping[str, str]:
    """Return a value of the right shape for each encrypted key: nothing is ever decrypted here.

    The program says what they look like: `components.settings.placeholders()`, key to text.
    """
    if not secret_keys:
        return {}
    try:
        settings = importlib.import_module("components.settings")
        offered: Mapping[str, str] = settings.placeholders() if hasattr(settings, "placeholders") else {}
    except ModuleNotFoundError as error:
        if error.name not in ("components", "components.settings"):
            raise
        offered = {}
    if missing := [key for key in secret_keys if key not in offered]:
        raise BadConfiguration(
            f"no placeholder for the secret {', '.join(missing)}: a rehearsal decrypts nothing; add the key to "
            "placeholders() in components/settings.py"
        )
    return {key: offered[key] for key in secret_keys}


def _forget(folder: Path) -> None:
    """Forget the project's own modules, so that another stack starts afresh; the SDKs stay loaded."""
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if path.startswith(f"{folder}{os.sep}") and not _is_foreign(path) and name != "__main__":
            del sys.modules[name]


def _explain(error: BaseException, folder: Path) -> str:
    """Return an exception as one line, with the deepest place in the project's own code."""
    place = _place(error, folder) or "the program failed"
    if isinstance(error, SystemExit):
        return f"{place}: the program ended itself with sys.exit({error.code!r})"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename, folder)}:{error.lineno}: {type(error).__name__}: {error.msg}"
    return f"{place}: {type(error).__name__}: {error}"


def _place(error: BaseException, folder: Path) -> str:
    stack = error.stack if isinstance(error, ProgramFault) else traceback.extract_tb(error.__traceback__)
    for frame in reversed(stack):
        if frame.filename.startswith(f"{folder}{os.sep}") and not _is_foreign(frame.filename):
            return f"{os.path.relpath(frame.filename, folder)}:{frame.lineno}"
    return ""


def _is_foreign(path: str) -> bool:
    """Tell whether a file below the project's folder isn't the program's: a library or the embedded engine."""
    return "site-packages" in path or path.startswith(os.path.dirname(__file__))
