"""A digest of all files in the project's folder that a stack's plan and verdict depend on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

_ASIDE: Final = frozenset({"__pycache__", "build", "docs", "tests", "node_modules"})
_SUFFIXES: Final = frozenset({".py", ".yaml", ".json", ".jsonl", ".lock", ".toml", ".txt", ".gz"})


def program_digest(folder: Path, stack: str) -> str:
    """Return the SHA-256 of a project's code, policies and configuration, without other stacks' files."""
    digest = sha256()
    for path in sorted(_files(folder, stack)):
        content = (folder / path).read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _files(folder: Path, stack: str) -> Iterator[str]:
    # The packs can be symbolic links.
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name not in _ASIDE and not name.startswith(".")]
        for name in files:
            other = name.startswith("Pulumi.") and name not in ("Pulumi.yaml", f"Pulumi.{stack}.yaml")
            if Path(name).suffix in _SUFFIXES and not name.startswith(".") and not other:
                yield os.path.relpath(Path(place, name), folder)
