"""A copy of the project, to which everything is written first, so that a failure leaves the project unchanged."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stackfiles.failures import Failure

_ASIDE: Final = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".pulumi-state",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    "build",
    "node_modules",
)
"""Names that aren't part of the project and aren't copied."""

_CACHE: Final = "__pycache__"


@dataclass(frozen=True)
class CopiedProject:
    """A project's folder, and the folder with the copy."""

    folder: Path
    copy: Path

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the copy's own commands and capture its output."""
        # `-m` searches the current folder first, so it finds the copy's modules.
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, cwd=self.copy, capture_output=True, text=True, check=False)  # noqa: S603

    def require(self, module: str, *arguments: str) -> str:
        """Run one of the copy's own commands and return its output.

        Raises:
            Failure: it failed; the message contains its errors.
        """
        done = self.run(module, *arguments)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).replace(str(self.copy), str(self.folder))
            raise Failure(f"nothing was written, because `python -m {module}` failed:\n{said}")
        return done.stdout

    def changes(self) -> dict[Path, tuple[bytes | None, bytes | None]]:
        """Return the files that differ: path in the project -> content before and after, None for no file."""
        before, after = _files(self.folder), _files(self.copy)
        return {
            path: (_content(self.folder / path), _content(self.copy / path))
            for path in sorted(before | after)
            if path not in before & after or not filecmp.cmp(self.folder / path, self.copy / path)
        }


@contextmanager
def copied(folder: Path) -> Iterator[CopiedProject]:
    """Copy a project for as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="init-") as temporary:
        copy = Path(temporary).resolve() / folder.name
        shutil.copytree(folder, copy, ignore=_ASIDE, symlinks=True)
        yield CopiedProject(folder, copy)


def put_in_place(folder: Path, changes: Sequence[tuple[Path, bytes | None]]) -> None:
    """Write files, or remove those without content: all of them or none.

    Raises:
        Failure: a file can't be written. All files are restored.
    """
    before = [(path, _content(folder / path)) for path, _ in changes]
    try:
        new = [_beside(folder / path, content) for path, content in changes if content is not None]
        for temporary, path in new:
            os.replace(temporary, path)
        for path, content in changes:
            if content is None:
                (folder / path).unlink()
    except BaseException as error:
        for path, content in before:
            _restore(folder / path, content)
        if isinstance(error, OSError):
            raise Failure(f"nothing was written: {error.filename}: {error.strerror}") from None
        raise


def _beside(path: Path, content: bytes) -> tuple[Path, Path]:
    """Write the content to a temporary file beside the one that it will replace; return both paths."""
    temporary = path.with_name(f".{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_bytes(content)
    if path.exists():
        shutil.copymode(path, temporary)
    return temporary, path


def _restore(path: Path, content: bytes | None) -> None:
    path.with_name(f".{path.name}.new").unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    elif path.is_file():
        path.unlink()


def _files(folder: Path) -> set[Path]:
    found = set()
    for parent, folders, files in os.walk(folder):
        aside = _ASIDE(parent, folders)
        folders[:] = [name for name in folders if name not in aside and name != _CACHE]
        found |= {Path(parent, name).relative_to(folder) for name in files}
    return found


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
