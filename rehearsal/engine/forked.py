"""Plans in forked processes: the SDKs stay loaded in the parent, and each program starts afresh.

A child prepares its plan before anybody asks for it. It starts its packs at once, and then:

- It runs the program once as a trial, and has the packs that keep nothing of a plan judge it. The run that counts is
  faster then: caches are filled, sources are compiled, and the memory that the child shared with its parent is copied.
- It runs the program again, up to the point where the program loads the file that was saved last, and waits there.
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
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from importlib.machinery import PathFinder, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import IO, Final, NoReturn, TypedDict

from rehearsal.engine import interrupts, program, stack
from rehearsal.engine.plan import Plan
from rehearsal.engine.processes import Process
from rehearsal.engine.waiting import Ended, Outdated, Wait
from stackfiles import project
from stackfiles.failures import Failure
from stackfiles.plan_document import PlanDocument
from stackfiles.project import Project

_PACK_TIMEOUT: Final = 60.0
"""Seconds for a pack to start, and for each of its answers."""


class Child:
    """A forked process that starts the packs of a project, waits for `plan`, and plans a stack once.

    `saved` are the files that were saved last. One of them will probably be the next to change.
    """

    def __init__(self, folder: Path, stack_name: str, saved: Collection[Path] = ()) -> None:
        self._folder = folder
        self._stack_name = stack_name
        self._loaded: Loaded = {"finders": [], "modules": []}
        try:
            # An interrupt during a fork would be lost: Python drops exceptions that are raised in its fork hooks.
            with interrupts.held_back():
                self._start(saved)
        except KeyboardInterrupt:
            with interrupts.held_back():
                self.end()
            raise

    def _start(self, saved: Collection[Path]) -> None:
        go_out, go_in = os.pipe()
        answer_out, answer_in = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(go_in)
            os.close(answer_out)
            with os.fdopen(go_out, "rb") as go, os.fdopen(answer_in, "w", encoding="utf-8") as answer:
                _serve(self._folder, self._stack_name, Wait(go, saved), answer)
        os.close(go_out)
        os.close(answer_in)
        self._is_busy = True
        self._go = os.fdopen(go_in, "wb", buffering=0)
        self._answer = os.fdopen(answer_out, encoding="utf-8")

    def plan(self, changed: Collection[Path] = ()) -> PlanDocument:
        """Let the child run the program, and return the plan. The child then ends by itself; `end` waits for that.

        `changed` are the files that changed since the child started. If its program has loaded one of them already, a
        new child takes its place.

        Raises:
            Failure: the child died.
        """
        text = self._ask(changed)
        if text == _OUTDATED:
            self.end()
            with interrupts.held_back():
                self._start(())
            text = self._ask(())
        if not text:
            raise Failure("the process that made the plan died")
        answer = json.loads(text)
        self._loaded = answer["loaded"]
        document: PlanDocument = answer["document"]
        return document

    def _ask(self, changed: Collection[Path]) -> str:
        """Ask the child for its plan and return its answer."""
        with contextlib.suppress(BrokenPipeError):
            self._go.write(json.dumps([str(file) for file in changed]).encode() + b"\n")
        text = self._answer.read()
        self._is_busy = False
        return text

    def load(self) -> None:
        """Load in this process the modules that the child had to load, so that the next child has them."""
        _load(self._loaded, self._folder)

    def end(self) -> None:
        """Stop the child, unless it has answered, and wait for its end. By then it has stopped its packs."""
        if self._pid:
            if self._is_busy:
                os.kill(self._pid, signal.SIGTERM)
            self._go.close()
            self._answer.close()
            os.waitpid(self._pid, 0)
            self._pid = 0


_OUTDATED: Final = "null"
"""The answer of a child that can't plan, because its program has loaded a file that changed since."""


def _serve(folder: Path, stack_name: str, wait: Wait, answer: IO[str]) -> NoReturn:
    """Run as the child, and end the process."""
    code = 0
    try:
        interrupts.raise_keyboard_interrupts()
        known = set(sys.modules)
        document = _plan(folder, stack_name, wait).document()
        text = json.dumps({"document": document, "loaded": _loaded(known)})
        with answer:  # closed here, because ending a process with this much memory takes a while
            answer.write(text)
    except Outdated:
        answer.write(_OUTDATED)
        answer.flush()
    except (KeyboardInterrupt, Ended):
        code = interrupts.INTERRUPTED
    finally:
        os._exit(code)


def _plan(folder: Path, stack_name: str, wait: Wait) -> Plan:
    try:
        packs = [(pack, project.policy_config(folder, pack, stack_name)) for pack in project.attached(folder)]
    except Failure as failure:
        wait.until_wanted()
        return Plan(folder.name, stack_name, failure=failure)

    def ready(settings: Project, started: Sequence[Process]) -> None:
        if not wait.is_wanted():
            _run_trial(settings, started)
        program.forget(settings.folder)
        if wait.has_a_place(settings.program):
            sys.meta_path.insert(0, wait)
        else:
            wait.until_wanted()

    return stack.rehearse(folder, stack_name, packs, _PACK_TIMEOUT, ready=ready, planned=lambda _: wait.until_wanted())


def _run_trial(settings: Project, started: Sequence[Process]) -> None:
    """Run the program and have it judged as a trial, with its output discarded."""
    from rehearsal.engine.analyzers import Analyzers

    # The run that counts loads the same sources again. It takes the code that this one has compiled.
    setattr(SourceFileLoader, "source_to_code", cache(SourceFileLoader.source_to_code))  # noqa: B010 - it is a method
    with _silenced():
        judges = Analyzers(settings, started, trial=True)
        run = program.run(settings, judges)
        judges.verdict(complete=run.failure is None)


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Discard everything that is written to stdout and stderr, also by other processes that share them."""
    kept = {stream: os.dup(stream.fileno()) for stream in (sys.stdout, sys.stderr)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in kept:
            os.dup2(nowhere, stream.fileno())
        yield
    finally:
        for stream, descriptor in kept.items():
            stream.flush()
            os.dup2(descriptor, stream.fileno())
            os.close(descriptor)
        os.close(nowhere)


def _is_installed(module: object) -> bool:
    # The SDKs' modules load on first use, so asking one for its file would load it.
    return type(module) is ModuleType and "site-packages" in (getattr(module, "__file__", None) or "")


class Loaded(TypedDict):
    """The modules that a child had to load."""

    finders: list[str]
    """Modules of the program that change how others are found."""
    modules: list[str]
    """Installed modules."""


def _loaded(known: Collection[str]) -> Loaded:
    """Return the modules that this process has loaded in addition to the known ones."""
    return {
        "finders": [name for name in {type(finder).__module__ for finder in sys.meta_path} if name not in known],
        "modules": [name for name, module in list(sys.modules.items()) if name not in known and _is_installed(module)],
    }


def _load(loaded: Loaded, folder: Path) -> None:
    """Load a child's modules. The next child forgets the program's own modules, but keeps its import finders."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in loaded["finders"]:
            _run_package(name.partition(".")[0], folder)
        # A package comes before its modules: using its name is what loads it.
        for name in sorted(loaded["modules"], key=lambda name: name.count(".")):
            getattr(_import(name), "__all__", None)
    if loaded["modules"]:
        gc.freeze()  # so that the garbage collector of a child doesn't copy these pages


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
