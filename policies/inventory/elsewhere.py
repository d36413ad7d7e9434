"""Where owners agree to something, and which other stacks pin a value, so that findings can show mix-ups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from policies.rulebook import Finding, Json

FOLDER: Final = Path(__file__).absolute().parents[1] / "config"
"""The folder with each stack's configuration of this pack. If there is none, findings don't mention other stacks."""


OWNERS: Final = "the owners of `policies/config/inventory.<stack>.json`"
"""The people who agree to types and facts, as remedies name them."""


ROOT: Final = "pulumi:pulumi:Stack"
"""The type of the first resource of every stack; rules report on it what concerns the whole stack."""

AGREE: Final = "python -m policies.inventory.agreement write --stack {} --take-away"
"""The command that rewrites the agreement of a stack."""


def foreign_agreement(stack: str, problem: str) -> Finding:
    """Return the finding that the agreement isn't for this stack, as `problem` says."""
    return Finding(
        f"`policies/config/inventory.{stack}.json`, which holds the account, network, identities, records, roles and "
        f"types that owners agreed to, isn't for this stack: {problem}.",
        remedy="Correct the stack's configuration, or have the owners of the file agree to this stack: "
        f"`{AGREE.format(stack)}`.",
        foreign_agreement=True,
    )


def pinned_elsewhere(value: str, stack: str) -> str:
    """Return the end of a finding that names other stacks that pin a value, empty if none does."""
    others = sorted(name for name, pinned in _pinned().items() if name != stack and value in pinned)
    return f"; it is pinned for {', '.join(others)}" if others else ""


@cache
def _pinned() -> dict[str, frozenset[str]]:
    files = FOLDER.glob("inventory.*.json")
    return {file.name.split(".")[1]: frozenset(_texts(json.loads(file.read_text(encoding="utf-8")))) for file in files}


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
