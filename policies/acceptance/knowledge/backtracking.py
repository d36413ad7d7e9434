"""Tells whether matching an expression may take exponential time; used once, when the index is compiled.

An expression is dangerous if a repeated part contains a repeated part, and a text can be split between the two in more
than one way; or if it chooses again and again between alternatives that begin alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

from policies.acceptance.knowledge.expressions import expanded

_ALPHABET: Final = frozenset([*range(128), ord("é")])
"""ASCII, and one character that stands for all others."""

_MANY: Final = 24
"""A part that repeats at most this often can't take long."""

_REPEATS: Final = (op.MAX_REPEAT, op.MIN_REPEAT)
_CATEGORIES: Final = {
    op.CATEGORY_DIGIT: frozenset(map(ord, "0123456789")),
    op.CATEGORY_SPACE: frozenset(map(ord, " \t\n\r\f\v")),
    op.CATEGORY_WORD: frozenset(code for code in range(128) if chr(code).isalnum() or code == ord("_")),
}
_NEGATED: Final = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}

Item = tuple[Any, Any]


def dangerous(expression: str) -> bool:
    """Tell whether an expression (in Python's syntax, see `expressions.translated`) may take exponential time."""
    tree = _parser.parse(expanded(expression, everything=False))
    return any(_ambiguous(body) for body in _repeated(list(tree))) or _overlapping(list(tree)) > _ROW


_ROW: Final = 4
"""More adjacent parts that repeat the same characters would take too long on a text of thousands of characters."""


def _repeated(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield the body of each part that repeats often, at any depth."""
    for item in items:
        for body in _bodies(item):
            if item[0] in _REPEATS and item[1][1] > _MANY:
                yield body
            yield from _repeated(body)


def _bodies(item: Item) -> list[list[Item]]:
    kind, value = item
    if kind in (*_REPEATS, op.POSSESSIVE_REPEAT):
        return [list(value[2])]
    if kind is op.SUBPATTERN:
        return [list(value[3])]
    if kind is op.BRANCH:
        return [list(branch) for branch in value[1]]
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return [list(value[1])]
    return [list(value)] if kind is op.ATOMIC_GROUP else []


def _plain(items: Sequence[Item]) -> list[Item]:
    """Return a sequence with the groups around its parts removed."""
    return list(
        itertools.chain.from_iterable(
            _plain(list(item[1][3])) if item[0] is op.SUBPATTERN else [item]
            for item in items
            if item[0] not in (op.AT, op.ASSERT, op.ASSERT_NOT)
        )
    )


def _ambiguous(body: Sequence[Item]) -> bool:
    """Tell whether rounds of a repeated part can end at more than one place in a text."""
    parts = _plain(body)
    for kind, value in parts:
        if kind is op.BRANCH:
            branches = [_plain(list(branch)) for branch in value[1]]
            firsts = [_characters(branch[:1]) for branch in branches]
            alike = any(one & other for one, other in itertools.combinations(firsts, 2))
            if alike or firsts.count(frozenset()) > 1 or (len(parts) == 1 and any(map(_ambiguous, branches))):
                return True
    if not any(map(_varies, parts)) or (len(parts) == 1 and parts[0][0] is op.BRANCH):
        return False
    # A part that is in each round, and whose characters occur nowhere else in it, marks where a round ends. If its
    # length varies, another fixed part has to be next to it.
    needed = [part for part in parts if _needed(part)]
    return not any(
        _needed(part)
        and (not _varies(part) or len(needed) > 1)
        and not _characters([part]) & _characters([*parts[:at], *parts[at + 1 :]])
        for at, part in enumerate(parts)
    )


def _varies(item: Item) -> bool:
    return (item[0] in _REPEATS and item[1][1] > max(1, item[1][0])) or any(
        _varies(part) for body in _bodies(item) for part in body
    )


def _needed(item: Item) -> bool:
    return item[0] in (op.LITERAL, op.IN, op.NOT_LITERAL) or (item[0] in _REPEATS and item[1][0] >= 1)


def _overlapping(items: Sequence[Item]) -> int:
    """Return the longest row of unbounded repetitions in a sequence that each share characters with the one before."""
    most, row, before = 0, 0, frozenset[int]()
    for item in _plain(items):
        most = max([most, *(_overlapping(body) for body in _bodies(item))])
        if item[0] in _REPEATS and item[1][1] > _MANY:
            here = _characters([item])
            row = row + 1 if here & before else 1
            before = here
            most = max(most, row)
        elif _needed(item) and not _characters([item]) & before:
            before = frozenset()  # the part between two repetitions marks where the first ends
    return most


def _characters(items: Sequence[Item]) -> frozenset[int]:
    """Return all characters that a sequence can match."""
    return frozenset(itertools.chain.from_iterable(map(_item_characters, items)))


def _item_characters(item: Item) -> frozenset[int]:
    kind, value = item
    if kind is op.LITERAL:
        return frozenset([value if value < 128 else ord("é")])
    if kind is op.NOT_LITERAL:
        return _ALPHABET - {value}
    if kind is op.ANY:
        return _ALPHABET - {10}
    if kind is op.IN:
        inside = frozenset(itertools.chain.from_iterable(map(_class_characters, value)))
        return _ALPHABET - inside if value[0][0] is op.NEGATE else inside
    if kind in (op.ASSERT, op.ASSERT_NOT, op.AT):
        return frozenset()
    bodies = _bodies(item)
    return _ALPHABET if not bodies else frozenset(itertools.chain.from_iterable(map(_characters, bodies)))


def _class_characters(item: Item) -> frozenset[int]:
    kind, value = item
    if kind is op.RANGE:
        beyond = frozenset([ord("é")]) if value[1] > 127 else frozenset()
        return frozenset(range(value[0], min(value[1], 127) + 1)) | beyond
    if kind is op.CATEGORY:
        return _ALPHABET - _CATEGORIES[_NEGATED[value]] if value in _NEGATED else _CATEGORIES[value]
    return frozenset() if kind is op.NEGATE else _item_characters(item)
