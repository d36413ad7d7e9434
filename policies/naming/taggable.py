"""Which resource types can have tags: a table compiled from the Pulumi AWS SDK, so that the pack need not load it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).with_name("taggable.txt")
"""First line: the SDK and its version. Each other line: a resource type. Compiled by `naming.compile_taggable`."""

TAGGABLE: Final[frozenset[str]] = frozenset(TABLE.read_text(encoding="utf-8").splitlines()[1:])
"""Resource types that can have tags."""
