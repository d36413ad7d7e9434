"""Where a program's run waits until its plan is wanted: before the program loads what was saved last.

All that comes before doesn't depend on that file, so it can be done before the file is saved again.
"""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Collection, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import IO


class Ended(BaseException):
    """Nobody wants the plan any more."""


class Outdated(BaseException):
    """A file has changed that the program had loaded already."""


class Wait(MetaPathFinder):
    """Waits once. As a finder of modules, it finds none, and waits when one of the files is about to be loaded."""

    def __init__(self, wanted: IO[bytes], files: Collection[Path]) -> None:
        self._wanted = wanted
        self._files = frozenset(str(file) for file in files if file.suffix == ".py")
        self._is_over = False
        self._outdated = False

    def is_wanted(self) -> bool:
        """Tell whether the plan is wanted by now."""
        return bool(select.select([self._wanted], [], [], 0)[0])

    def has_a_place(self, program: Path) -> bool:
        """Tell whether the program can run until it loads one of the files: not if it begins with one."""
        return bool(self._files) and str(program / "__main__.py") not in self._files

    def until_wanted(self) -> None:
        """Wait until somebody writes a JSON list of the files that have changed since, and a line's end.

        Raises:
            Ended: nobody will.
            Outdated: the program has loaded one of those files.
        """
        if not self._is_over:
            line = self._wanted.readline()
            if not line:
                raise Ended
            self._is_over = True
            self._outdated = not _loaded_files().isdisjoint(json.loads(line))
        if self._outdated:
            raise Outdated

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Wait if the module is one of the files."""
        name = fullname.rpartition(".")[2]
        if not self._files.isdisjoint(f"{entry}/{name}{end}" for entry in path or sys.path for end in _ENDS):
            self.until_wanted()
        return None


_ENDS = (".py", "/__init__.py")


def _loaded_files() -> set[str]:
    # Modules of other types load when they are asked for anything, and none of them is the program's.
    return {vars(module).get("__file__") or "" for module in list(sys.modules.values()) if type(module) is ModuleType}
