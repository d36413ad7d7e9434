"""`python -m rehearsal.watch`: plan again whenever a file changes, and say what that changed.

A waiting process plans a change of the program: its packs have started, and the program has run up to the file that was
saved last. A change of a pack or of a configuration takes a new process with new packs.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal.engine import interrupts
from rehearsal.engine.forked import Child
from rehearsal.reports import since_last
from stackfiles import project
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import PlanDocument

_SUFFIXES: Final = (".py", ".yaml", ".yml", ".json", ".jsonl", ".txt", ".gz")
_ASIDE: Final = frozenset("benchmarks build corpus docs generators review tests".split())
"""Folders that have no influence on a project's plan. Hidden folders are left out too."""

_STEP: Final = 10
"""Milliseconds. A save is over when nothing else changes for this long: most editors write, rename and set a file's
mode in turn."""
_LOOK: Final = 1000
"""Milliseconds. The files are checked this often even without a notification: a new folder isn't being watched yet."""

Stamps = Mapping[Path, tuple[int, int]]
"""File -> time of its last change in nanoseconds, and size."""


def main() -> int:
    """Watch until interrupted and return the exit code."""
    given = _parser().parse_args()
    folder = given.project.resolve()
    interrupts.raise_keyboard_interrupts()
    try:
        stack_name = given.stack or project.default_stack(folder)
        project.require_stack(folder, stack_name)
        watch(folder, stack_name, given.json.absolute() if given.json else None)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        interrupts.settle()
        return interrupts.INTERRUPTED
    return 0


def watch(folder: Path, stack_name: str, output: Path | None) -> None:
    """Plan, then again at each change, for ever. The newest plan is written to `output`, if given.

    A plan is shown only if the files haven't changed since it began. Otherwise it may come from a half-written file, or
    from the first of two saves, and the stack is planned again.
    """
    gc.disable()
    last: PlanDocument | None = None
    files = _Files(folder, output)
    stamps = files.stamps()
    # Python matches byte code to its source by size and by the second of the last change. Two saves can agree in both.
    sys.dont_write_bytecode = True
    child = Child(folder, stack_name)
    changed: list[Path] = []
    try:
        while True:
            started = time.monotonic()
            document = child.plan(changed)
            seconds = time.monotonic() - started
            now = files.stamps()
            current = now == stamps
            if current:
                # The file is written first, so that it is there when somebody reads the verdict.
                if output:
                    _write(document, output)
                _show(since_last.text(last, document), seconds)
                last = last if "error" in document else document
            child.load()
            child.end()
            child = Child(folder, stack_name, changed)
            changed = []
            if current:
                now = files.next_stamps(stamps)
                changed = _differing(stamps, now)
                # A new file may take the place of a module that the waiting program has loaded already.
                if now.keys() - stamps.keys() or not all(map(files.belongs_to_program, changed)):
                    child.end()
                    child = Child(folder, stack_name)
            stamps = now
    finally:
        with interrupts.held_back():
            child.end()


@dataclass(frozen=True)
class _Files:
    """The files of a project that a plan depends on: those in `folder` except `output`, which this command writes."""

    folder: Path
    output: Path | None

    def stamps(self) -> Stamps:
        """Return the current stamp of each file."""
        return dict(self._found())

    def _found(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for path, folders, files in os.walk(self.folder, followlinks=True):
            folders[:] = [name for name in folders if not name.startswith((".", "__pycache__")) and name not in _ASIDE]
            for file in (Path(path, name) for name in files if name.endswith(_SUFFIXES)):
                with contextlib.suppress(FileNotFoundError):  # an editor's: written, then renamed
                    state = file.stat()
                    if file != self.output:
                        yield file, (state.st_mtime_ns, state.st_size)

    def next_stamps(self, before: Stamps) -> Stamps:
        """Wait for a change and return the stamps after it.

        Raises:
            Failure: the system can't report changes.
        """
        import watchfiles

        # Each folder by itself: everything below the project's would include the virtual environment.
        folders = {parent for file in before for parent in file.parents if parent.is_relative_to(self.folder)}
        try:
            for changes in watchfiles.watch(
                *folders, watch_filter=None, step=_STEP, rust_timeout=_LOOK, yield_on_timeout=True, recursive=False
            ):
                now = self.stamps()
                # An editor that has just emptied a file is about to write it. Wait, unless nothing follows.
                emptied = any(stamp[1] == 0 and before.get(file) != stamp for file, stamp in now.items())
                if now != before and not (changes and emptied):
                    return now
        except FileNotFoundError:
            return self.stamps()  # a folder has just gone, and its files with it
        except (OSError, RuntimeError) as error:
            raise Failure(f"the system can't report changes of files: {error}") from None
        raise KeyboardInterrupt  # nothing else ends the loop

    def belongs_to_program(self, file: Path) -> bool:
        """Tell whether only the program uses a file, so that the packs in the waiting child don't depend on it."""
        return file.suffix == ".py" and file.relative_to(self.folder).parts[0] != "policies"


def _differing(before: Stamps, now: Stamps) -> list[Path]:
    return [file for file in {*before, *now} if before.get(file) != now.get(file)]


def _write(document: PlanDocument, output: Path) -> None:
    """Replace the file in one step, so that no reader sees half a plan."""
    part = output.with_name(f".{output.name}.part")
    try:
        part.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        part.replace(output)
    except OSError as error:
        raise BadConfiguration(f"--json {output}: {error.strerror}") from None


def _show(text: str, seconds: float) -> None:
    head, *lines = text.split("\n")
    print(f"{time.strftime('%H:%M:%S')} {head} ({seconds:.2f} s)", *lines, "", sep="\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.watch",
        description="Plan a stack and judge it with every pack, and again whenever a file of the program, a pack or a "
        "configuration changes; show what changed in the plan and in the verdict. Ctrl-C ends it.",
    )
    parser.add_argument("--stack", metavar="NAME", help="the stack to plan (default: prod, or the only one)")
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write each new plan to this file")
    return parser


if __name__ == "__main__":
    sys.exit(main())
