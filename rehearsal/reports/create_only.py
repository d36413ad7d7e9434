"""Which inputs of a resource type can't be changed in place, which ones name it, and what can prevent its deletion.

`python -m policies.acceptance.knowledge.create_only` compiles the table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypedDict

_INDEX: Final = Path(__file__).parents[2] / "policies" / "acceptance" / "knowledge" / "create_only.jsonl"


class CreateOnly(TypedDict, total=False):
    """`replaces`: inputs whose change replaces the resource; `name`: inputs that together name it in its account and
    region; `used_by`: types that can refer to it, which keeps AWS from deleting it; `known_as`: the text that they
    refer to it by if they don't use an output, with inputs in braces, possibly the end of an ARN."""

    replaces: Sequence[str]
    name: Sequence[str]
    used_by: Sequence[str]
    known_as: str


def create_only(type_: str) -> CreateOnly:
    """Return what is known about a resource type; empty if nothing is."""
    return _types().get(type_, {})


@cache
def _types() -> Mapping[str, CreateOnly]:
    _, *lines = _INDEX.read_text(encoding="utf-8").splitlines()
    return dict(json.loads(line) for line in lines)
