"""Pauses a program's run until its plan is wanted, just before the program loads the file that was saved last.

Nothing before that point depends on the file, so it can run before the file is saved again.
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
    """The plan isn't wanted any more."""


class Outdated(BaseException):
    """A file that the program has already loaded has changed."""


class Wait(MetaPathFinder):
    """Waits once. As a module finder, it finds nothing, but waits when one of the files is about to be loaded."""

    def __init__(self, wanted: IO[bytes], files: Collection[Path]) -> None:
        self._wanted = wanted
        self._files = frozenset(str(file) for file in files if file.suffix == ".py")
        self._is_over = False
        self._outdated = False

    def is_wanted(self) -> bool:
        """Return whether the plan is already wanted."""
        return bool(select.select([self._wanted], [], [], 0)[0])

    def has_a_place(self, program: Path) -> bool:
        """Return whether the program can run until it loads one of the files, which isn't so if it begins with one."""
        return bool(self._files) and str(program / "__main__.py") not in self._files

    def until_wanted(self) -> None:
        """Wait for a line with a JSON list of the files that have changed in the meantime.

        Raises:
            Ended: the other side is closed.
            Outdated: the program has already loaded one of those files.
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
    # Modules of other types load on any access, and none of them is the program's.
    return {vars(module).get("__file__") or "" for module in list(sys.modules.values()) if type(module) is ModuleType}
