"""Runs the project's program as the language host does, on the embedded engine."""

from __future__ import annotations

import asyncio
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

from rehearsal.failures import BadConfiguration, Failure
from rehearsal.plan import Json, Judges, Plan
from rehearsal.project import Project


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
    _forget(project.folder)
    contextvars.copy_context().run(_run, project, plan, judges)


def _run(project: Project, plan: Plan, judges: Judges) -> None:
    import pulumi
    import pulumi.runtime

    from rehearsal.monitor import Engine, Monitor

    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # as the language host: half-run graphs are normal
    loop = asyncio.new_event_loop()
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
    except Failure:
        raise
    except pulumi.RunError as error:
        refused = getattr(error, "exit_code", Failure.exit_code) == BadConfiguration.exit_code
        raise (BadConfiguration if refused else Failure)(str(error)) from None
    except (Exception, SystemExit) as error:
        raise Failure(_explain(error, project.folder)) from None
    finally:
        loop.close()


def _placeholders(secret_keys: tuple[str, ...]) -> Mapping[str, str]:
    """Return a value of the right shape for each encrypted key: nothing is ever decrypted here.

    The program says what they look like: `components.settings.placeholders()`, key to text.
    """
    if not secret_keys:
        return {}
    try:
        offered: Mapping[str, str] = importlib.import_module("components.settings").placeholders()
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
        ours = name == "__main__" or name.partition(".")[0] == "rehearsal"
        if path.startswith(f"{folder}{os.sep}") and "site-packages" not in path and not ours:
            del sys.modules[name]


def _explain(error: BaseException, folder: Path) -> str:
    """Return an exception as one line, with the deepest place in the project's own code."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(f"{folder}{os.sep}") and "site-packages" not in frame.filename
    ]
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.relpath(error.filename, folder)}:{error.lineno}: {type(error).__name__}: {error.msg}"
    if isinstance(error, SystemExit):
        text = f"the program ended itself with sys.exit({error.code!r})"
    if not frames:
        return f"the program failed: {text}"
    return f"{os.path.relpath(frames[-1].filename, folder)}:{frames[-1].lineno}: {text}"
