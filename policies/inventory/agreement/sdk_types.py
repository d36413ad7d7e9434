"""Every resource type of the installed SDKs, and the gate's verdict on it."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from policies.inventory.table import table

_SDKS: Final = ("pulumi_aws", "pulumi_cloudflare")
_TOKEN: Final = re.compile(r'"((?:aws|cloudflare):\w+/\w+:\w+)"')


@cache
def sdk_types() -> tuple[str, ...]:
    """Return every resource type of both SDKs; reads their source, since importing them takes minutes."""
    found: set[str] = set()
    for name in _SDKS:
        file = distribution(name.replace("_", "-")).locate_file(f"{name}/__init__.py")
        found |= set(_TOKEN.findall(Path(str(file)).read_text(encoding="utf-8")))
    return tuple(sorted(found))


def verdict(type_: str, agreed: Collection[str]) -> str:
    """Return the gate's verdict on a type in a stack whose owners agreed to some types."""
    known = table().get(type_)
    if not known:
        return "refused: no rule judges it"
    how = f"judged by {known.verdict.text}" if known.verdict.verb == "by" else f"harmless: {known.verdict.text}"
    return f"{'allowed' if type_ in agreed else 'refused until it is agreed'}: {how}"
