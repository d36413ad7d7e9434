"""How messages name things: shortened, quoted, and only the first few."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from policies.least_privilege.knowledge import Service

_NAMED: Final = 5


def quote(names: Iterable[str]) -> str:
    """Return the first five names in backticks, and how many more there are.

    >>> quote(["a", "b"]), quote("abcdefg")
    ('`a`, `b`', '`a`, `b`, `c`, `d`, `e` and 2 more')
    """
    names = list(names)
    return _quote_first(names, len(names))


def quote_actions(service: Service, mask: int) -> str:
    """Return the first five actions of a mask in backticks, and how many more there are."""
    return _quote_first(service.listed(mask), mask.bit_count())


def _quote_first(names: Iterable[str], count: int) -> str:
    first = ", ".join(f"`{name}`" for name in islice(names, _NAMED))
    return first + (f" and {count - _NAMED} more" if count > _NAMED else "")


def shorten(text: str) -> str:
    """Return at most 120 characters of a text."""
    return text if len(text) <= 120 else text[:117] + "..."
