"""Which inputs of a resource type can't be changed in place, which ones name it, and what may keep it from going.

The table is compiled by `python -m policies.acceptance.knowledge.create_only`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypedDict

_INDEX: Final = Path(__file__).parents[2] / "policies" / "acceptance" / "knowledge" / "create_only.jsonl"


class CreateOnly(TypedDict, total=False):
    """`replaces`: inputs whose change makes a new resource; `name`: inputs that together name it in its account and
    region; `used_by`: types of resources that may refer to it, and keep AWS from deleting it while they do; `known_as`:
    the text by which they do so where it isn't an output, with inputs in braces, maybe as the end of an ARN."""

    replaces: Sequence[str]
    name: Sequence[str]
    used_by: Sequence[str]
    known_as: str


def create_only(type_: str) -> CreateOnly:
    """Return what is known of a resource type; nothing where there is nothing to know."""
    return _types().get(type_, {})


@cache
def _types() -> Mapping[str, CreateOnly]:
    _, *lines = _INDEX.read_text(encoding="utf-8").splitlines()
    return dict(json.loads(line) for line in lines)
