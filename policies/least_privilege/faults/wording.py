"""How messages name things: shortened, quoted, and only the first few."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.knowledge import Service
from policies.least_privilege.language import patterns

_NAMED: Final = 5


def quote(names: Iterable[str], most: int = _NAMED) -> str:
    """Return the first names in backticks, at most five or `most`, and how many more there are.

    >>> quote(["a", "b"]), quote("abcdefg")
    ('`a`, `b`', '`a`, `b`, `c`, `d`, `e` and 2 more')
    """
    names = list(names)
    return _quote_first(names, len(names), most)


def quote_actions(service: Service, mask: int) -> str:
    """Return the first five actions of a mask in backticks, and how many more there are."""
    return _quote_first(service.listed(mask), mask.bit_count())


def _quote_first(names: Iterable[str], count: int, most: int = _NAMED) -> str:
    first = ", ".join(f"`{name}`" for name in islice(names, most))
    return first + (f" and {count - most} more" if count > most else "")


def shorten(text: str) -> str:
    """Return at most 120 characters of a text."""
    return text if len(text) <= 120 else text[:117] + "..."


def spell(action: str) -> str:
    """Return an action, given in lower case, as AWS writes it; a pattern and an unknown action as they are."""
    service, mask = knowledge.lookup(action)
    return next(service.listed(mask)) if service and mask and not patterns.wild(action) else shorten(action)
