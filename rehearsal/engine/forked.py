"""Plans made in forked processes: the SDKs stay loaded in the parent, and each program starts afresh.

A child starts its packs at once and then waits until its plan is wanted, so that only the program is left to run.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Collection
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import IO, Final, NoReturn, TypedDict

from rehearsal.engine import interrupts, stack
from rehearsal.engine.plan import Plan
from stackfiles import project
from stackfiles.failures import Failure
from stackfiles.plan_document import PlanDocument

_PACK_TIMEOUT: Final = 60.0
"""Seconds for a pack to start, and for each of its answers."""


class Child:
    """A forked process that starts the packs of a project, waits for `plan`, and plans a stack once."""

    def __init__(self, folder: Path, stack_name: str) -> None:
        self._folder = folder
        self._loaded: Loaded = {"finders": [], "modules": [], "classes": []}
        self._runs = False
        try:
            # An interrupt during a fork would be lost: Python reports and drops what is raised in its hooks around it.
            with interrupts.held_back():
                self._start(folder, stack_name)
        except KeyboardInterrupt:
            with interrupts.held_back():
                self.end()
            raise

    def _start(self, folder: Path, stack_name: str) -> None:
        go_out, go_in = os.pipe()
        answer_out, answer_in = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(go_in)
            os.close(answer_out)
            with os.fdopen(go_out, "rb") as go, os.fdopen(answer_in, "w", encoding="utf-8") as answer:
                _serve(folder, stack_name, go, answer)
        os.close(go_out)
        os.close(answer_in)
        self._go = os.fdopen(go_in, "wb", buffering=0)
        self._answer = os.fdopen(answer_out, encoding="utf-8")

    def plan(self) -> PlanDocument:
        """Let it run the program, and return what it planned.

        Raises:
            Failure: it died.
        """
        self._runs = True
        with contextlib.suppress(BrokenPipeError):
            self._go.write(b".")
        text = self._answer.read()
        self._runs = False
        self.end()
        if not text:
            raise Failure("the process that made the plan died")
        answer = json.loads(text)
        self._loaded = answer["loaded"]
        document: PlanDocument = answer["document"]
        return document

    def load(self) -> None:
        """Load in this process what the child had to load for its plan, so that the next child has it."""
        _load(self._loaded, self._folder)

    def end(self) -> None:
        """Stop it, if it still runs, and wait until it has stopped its packs."""
        if self._pid:
            self._go.close()  # ends a child that waits
            self._answer.close()
            if self._runs:
                os.kill(self._pid, signal.SIGTERM)
            os.waitpid(self._pid, 0)
            self._pid = 0


class _Ended(BaseException):
    """The parent doesn't want a plan any more."""


def _serve(folder: Path, stack_name: str, go: IO[bytes], answer: IO[str]) -> NoReturn:
    """Be the child."""
    code = 0
    try:
        interrupts.raise_keyboard_interrupts()
        known = set(sys.modules)
        classes: set[type] = set()
        document = _plan(folder, stack_name, go, classes).document()
        answer.write(json.dumps({"document": document, "loaded": _loaded(known, classes)}))
        answer.flush()
    except (KeyboardInterrupt, _Ended):
        code = interrupts.INTERRUPTED
    finally:
        os._exit(code)


def _plan(folder: Path, stack_name: str, go: IO[bytes], classes: set[type]) -> Plan:
    try:
        packs = [(pack, project.policy_config(folder, pack, stack_name)) for pack in project.attached(folder)]
    except Failure as failure:
        _wait(go)
        return Plan(folder.name, stack_name, failure=failure)

    def ready() -> None:
        _note_classes(classes)
        _wait(go)

    return stack.rehearse(folder, stack_name, packs, _PACK_TIMEOUT, ready=ready)


def _note_classes(classes: set[type]) -> None:
    """Have the classes noted whose properties' types the SDK works out, which it does once for each."""
    from pulumi import _types

    work_out = _types._types_from_py_properties

    def types(sdk_class: type) -> dict[str, type]:
        classes.add(sdk_class)
        return work_out(sdk_class)

    vars(_types)["_types_from_py_properties"] = types


def _wait(go: IO[bytes]) -> None:
    if not go.read(1):
        raise _Ended


def _is_installed(module: object) -> bool:
    # The SDKs' modules load when they are first used: to ask one that isn't loaded for its file would load it.
    return type(module) is ModuleType and "site-packages" in (getattr(module, "__file__", None) or "")


class Loaded(TypedDict):
    """What a child had to load."""

    finders: list[str]
    """Modules of the program that change how others are found."""
    modules: list[str]
    """Installed modules."""
    classes: list[tuple[str, str]]
    """Module and name of each class whose properties' types the SDK worked out."""


def _loaded(known: Collection[str], classes: Collection[type]) -> Loaded:
    """Return what this process has loaded beside the known modules."""
    return {
        "finders": [name for name in {type(finder).__module__ for finder in sys.meta_path} if name not in known],
        "modules": [name for name, module in list(sys.modules.items()) if name not in known and _is_installed(module)],
        "classes": [(one.__module__, one.__qualname__) for one in classes],
    }


def _load(loaded: Loaded, folder: Path) -> None:
    """Load what a child has loaded. The next one forgets the program's modules, but not how these find others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in loaded["finders"]:
            _run_package(name.partition(".")[0], folder)
        # A package before what is in it: the use of its name is what loads it.
        for name in sorted(loaded["modules"], key=lambda name: name.count(".")):
            getattr(_import(name), "__all__", None)
        for module, name in loaded["classes"]:
            _work_out_types(module, name)
    if loaded["modules"]:
        gc.freeze()  # so that a child's collector copies nothing


def _run_package(name: str, folder: Path) -> None:
    spec = PathFinder.find_spec(name, [str(folder)])
    if spec and spec.loader:
        sys.modules[name] = module_from_spec(spec)
        with contextlib.suppress(Exception):
            spec.loader.exec_module(sys.modules[name])


def _import(name: str) -> ModuleType | None:
    with contextlib.suppress(Exception):
        return importlib.import_module(name)
    return None


def _work_out_types(module: str, name: str) -> None:
    from pulumi import _types

    if sdk_class := getattr(_import(module), name, None):
        _types._types_from_py_properties(sdk_class)
