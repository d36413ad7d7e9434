"""`python -m rehearsal.watch`: plan again whenever a file changes, and say what that changed.

The SDKs stay loaded in this process; each plan is made in a forked child, so that the program always starts afresh. The
next child waits with its packs started: a change of the program has only the program to run. A change of a pack or of a
configuration takes a new child with new packs.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import IO, Any, Final

from rehearsal import changes, project, stack
from rehearsal.failures import Failure
from rehearsal.plan import Plan, place, resource_label

_SUFFIXES: Final = (".py", ".yaml", ".yml", ".json", ".jsonl", ".txt", ".gz")
_ASIDE: Final = frozenset({"tests", "docs", "benchmarks", "build", "generators"})
"""Folders of a project without an influence on its plan; hidden ones are left out too."""

_POLL: Final = 0.05
"""Seconds between two looks at the files."""
_PACK_TIMEOUT: Final = 60.0
_INTERRUPTED: Final = 130
_VALUE: Final = 100
"""Characters of a value that are shown."""

Stamps = Mapping[Path, tuple[int, int]]
"""File -> time of its last change in nanoseconds, and size."""


def main() -> int:
    """Watch until interrupted and return the exit code."""
    given = _parser().parse_args()
    folder = given.project.resolve()
    # Like Ctrl-C: an exception, so that the packs are stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        project.require_stack(folder, given.stack)
        watch(folder, given.stack, Path(given.json).absolute() if given.json else None)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def watch(folder: Path, stack_name: str, output: Path | None) -> None:
    """Plan, then again at each change, for ever. The newest plan is written to `output`, if given."""
    gc.disable()
    last: dict[str, Any] | None = None
    stamps = _stamps(folder)
    child = Child(folder, stack_name)
    try:
        while True:
            started = time.monotonic()
            answer = child.plan()
            _show(last, answer.document, time.monotonic() - started)
            if "error" not in answer.document:
                last = answer.document
            if output:
                output.write_text(json.dumps(answer.document, indent=2) + "\n", encoding="utf-8")
            _load(answer.modules)
            child = Child(folder, stack_name)
            before, stamps = stamps, _changed_stamps(folder, stamps)
            if not all(_of_program(file, folder) for file in _differing(before, stamps)):
                child.end()
                child = Child(folder, stack_name)
    finally:
        child.end()


@dataclass(frozen=True)
class Answer:
    """What a child hands back: the plan's document, and the modules that it had to load."""

    document: dict[str, Any]
    modules: list[str]


class Child:
    """A forked process that starts the packs, waits for `plan`, and makes one plan."""

    def __init__(self, folder: Path, stack_name: str) -> None:
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

    def plan(self) -> Answer:
        """Let it run the program, and return what it found.

        Raises:
            Failure: it died.
        """
        with contextlib.suppress(BrokenPipeError):
            self._go.write(b".")
        text = self._answer.read()
        self.end()
        if not text:
            raise Failure("the process that made the plan died")
        return Answer(**json.loads(text))

    def end(self) -> None:
        """Stop it, if it still runs."""
        if self._pid:
            self._go.close()  # a child that waits stops its packs and ends
            self._answer.close()
            os.waitpid(self._pid, 0)
            self._pid = 0


def _serve(folder: Path, stack_name: str, go: IO[bytes], answer: IO[str]) -> None:
    """Be the child: never returns."""
    code = 0
    try:
        known = set(sys.modules)
        plan = Plan(folder.name, stack_name)
        failure: Failure | None
        try:
            packs = [(pack, project.policy_config(folder, pack, stack_name)) for pack in project.attached(folder)]
        except Failure as error:
            go.read(1)
            failure = error
        else:
            failure = stack.rehearse(folder, plan, packs, _PACK_TIMEOUT, ready=lambda: _wait(go))
        document = plan.document() | ({"error": str(failure)} if failure else {})
        modules = [name for name, module in list(sys.modules.items()) if name not in known and _is_installed(module)]
        json.dump({"document": document, "modules": modules}, answer)
        answer.flush()
    except (KeyboardInterrupt, _Ended):
        code = _INTERRUPTED
    finally:
        os._exit(code)


def _is_installed(module: object) -> bool:
    # The SDKs' modules load when they are first used: to ask one that isn't loaded for its file would load it.
    return type(module) is ModuleType and "site-packages" in (getattr(module, "__file__", None) or "")


class _Ended(BaseException):
    """The parent doesn't want a plan any more."""


def _wait(go: IO[bytes]) -> None:
    if not go.read(1):
        raise _Ended


def _load(modules: Sequence[str]) -> None:
    """Load what a child had to load, so that the next one has it."""
    if not modules:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # A package before what is in it: the use of its name is what loads it.
        for name in sorted(modules, key=lambda name: name.count(".")):
            with contextlib.suppress(Exception):
                getattr(importlib.import_module(name), "__all__", None)
    gc.freeze()  # so that a child's collector copies nothing


def _stamps(folder: Path) -> Stamps:
    return dict(_files(folder))


def _files(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    for path, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__")) and name not in _ASIDE]
        for name in files:
            if name.endswith(_SUFFIXES):
                file = Path(path, name)
                with contextlib.suppress(FileNotFoundError):  # an editor's: written, then renamed
                    state = file.stat()
                    yield file, (state.st_mtime_ns, state.st_size)


def _changed_stamps(folder: Path, before: Stamps) -> Stamps:
    """Wait for a change and return the stamps after it."""
    while (now := _stamps(folder)) == before:
        time.sleep(_POLL)
    # A file that is still being written would be planned twice.
    time.sleep(_POLL)
    while (later := _stamps(folder)) != now:
        now = later
        time.sleep(_POLL)
    return now


def _differing(before: Stamps, now: Stamps) -> list[Path]:
    return [file for file in {*before, *now} if before.get(file) != now.get(file)]


def _of_program(file: Path, folder: Path) -> bool:
    """Tell whether a file is of the program alone: the packs in the waiting child don't depend on it."""
    return file.suffix == ".py" and file.relative_to(folder).parts[0] != "policies"


def _show(last: Mapping[str, Any] | None, now: Mapping[str, Any], seconds: float) -> None:
    """Say what the plan and the verdict have other than in the last plan that was complete; at first, what they are."""
    if now.get("error"):
        print(f"{time.strftime('%H:%M:%S')} failed ({seconds:.2f} s)\n  error: {now['error']}", flush=True)
        return
    found = changes.between(last, now) if last is not None else []
    before = _findings(last) if last is not None else {}
    findings = _findings(now)
    lines = [
        *(line for change in found for line in _lines(change)),
        *(f"  gone: {text}" for key, text in before.items() if key not in findings),
        *(f"  {'' if last is None else 'new: '}{text}" for key, text in findings.items() if key not in before),
    ]
    mandatory = sum(violation["level"] == "mandatory" for violation in now["policyViolations"])
    what = f"{len(now['steps'])} resources" if last is None else f"{len(found)} changed" if found else "same plan"
    verdict = f"failed, {mandatory} mandatory" if mandatory else "passed"
    clock = time.strftime("%H:%M:%S")
    print("\n".join([f"{clock} {what}, {verdict} ({seconds:.2f} s)", *lines]), flush=True)


def _lines(change: changes.Change) -> Iterator[str]:
    yield f"  {change.op} {resource_label(change.urn)}  {place(change.source)}"
    for item in change.properties:
        yield f"    {item.path}: {shorten(item.before, _VALUE)} -> {shorten(item.after, _VALUE)}"


def _findings(plan: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """Return a plan's violations: what tells them apart, and one line about each."""
    return {
        (said["pack"], said["policy"], said["level"], said["urn"], said["message"]): (
            f"{said['level']} {said['pack']}/{said['policy']}: "
            f"{resource_label(said['urn']) if said['urn'] else 'the stack'}  {place(said['sourcePosition'])}\n"
            f"    {said['message'].splitlines()[-1]}"
        )
        for said in plan["policyViolations"]
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.watch",
        description="Plan a stack and judge it with every pack, and again whenever a file of the program, a pack or a "
        "configuration changes; show what changed in the plan and in the verdict. Ctrl-C ends it.",
    )
    parser.add_argument("--stack", default="prod", metavar="NAME", help="the stack to plan (default: prod)")
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the newest plan there each time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
