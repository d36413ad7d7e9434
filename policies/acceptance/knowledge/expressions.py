"""Translates regular expressions of AWS's models, which are written for Java and ECMAScript, for Python.

Syntax that Python's engine would read differently is rewritten or refused, never guessed. Classes such as `\\p{L}` stay
in the text; `compiled` inserts their characters: only ASCII for an ASCII text, otherwise all of Unicode.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import groupby
from typing import Final

_CATEGORY: Final = re.compile(r"\\([pP])\{(\w+)\}")
_ASCII_CLASSES: Final = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "0-9A-Za-z",
    "Alpha": "A-Za-z",
    "Blank": r" \t",
    "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9",
    "Graph": "!-~",
    "Lower": "a-z",
    "Print": " -~",
    "Punct": r"!-/:-@\[-`{-~",
    "Upper": "A-Z",
    "XDigit": "0-9A-Fa-f",
}
"""POSIX classes of ASCII (https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html)."""

_CATEGORIES: Final = re.compile(r"L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfson]?")
"""General categories of Unicode (https://www.unicode.org/reports/tr44/#General_Category_Values)."""

_BEYOND: Final = re.compile(r"\\ud800\\udc00-\\udbff\\udfff", re.IGNORECASE)
"""The characters outside the basic plane, as languages with 16-bit characters have to write them."""

_SAME: Final = frozenset("dwsDWSbBnrtfva")
"""Letters that mean the same after a backslash in all three languages (with `re.ASCII`)."""


class Refused(ValueError):
    """Python's engine can't reproduce an expression; the text says why."""


def translated(expression: str, *, ecma: bool) -> str:
    """Return an expression in Python's syntax. It is written for ECMAScript if `ecma` is set, else for Java.

    >>> translated(r"^\\p{L}{1,3}$", ecma=True)
    '^\\\\p{L}{1,3}\\\\Z'

    Raises:
        Refused: Python has no equivalent.
    """
    text = _BEYOND.sub(r"\\U00010000-\\U0010ffff", expression)
    if text.startswith("^(?i)"):
        text = f"(?i)^{text.removeprefix('^(?i)')}"
    result = "".join(_pieces(text, ecma))
    try:
        expanded(result, everything=False)
        compiled(result, everything=False)
    except (re.error, OverflowError, RecursionError) as error:
        raise Refused(f"Python can't read it: {error}") from None
    return result


def _pieces(text: str, ecma: bool) -> list[str]:
    pieces: list[str] = []
    at, in_class = 0, False
    while at < len(text):
        one = text[at]
        if one == "\\":
            piece, at = _escaped(text, at)
            pieces.append(piece)
            continue
        if in_class:
            if one == "[" and not ecma:
                raise Refused("has a class within a class")
            if text.startswith(("&&", "--", "||", "~~"), at) and not (ecma or text.startswith("--", at)):
                raise Refused("combines classes")
            pieces.append("\\" + one if one in "[&|~" else one)
            in_class = one != "]" or text[at - 1] == "["
        elif text.startswith("(?<", at) and text[at + 3 : at + 4] not in ("=", "!"):
            pieces.append("(?P<")
            at += 3
            continue
        else:
            in_class = one == "["
            pieces.append(r"\Z" if one == "$" else one)
            if in_class and text.startswith("^", at + 1):
                pieces.append("^")
                at += 1
        at += 1
    return pieces


def _escaped(text: str, at: int) -> tuple[str, int]:
    """Return Python's form of the escape at a position, and the position after it."""
    if match := re.compile(r"\\([pP])(?:\{(\w+)\}|(\w))").match(text, at):
        name = match[2] or match[3]
        if name not in _ASCII_CLASSES and not _CATEGORIES.fullmatch(name):
            raise Refused(f"has the unknown class {name} of characters")
        return rf"\{match[1]}{{{name}}}", match.end()
    if match := re.compile(r"\\x\{([0-9a-fA-F]+)\}").match(text, at):
        return rf"\U{int(match[1], 16):08x}", match.end()
    if match := re.compile(r"\\u([0-9a-fA-F]{4})").match(text, at):
        if 0xD800 <= int(match[1], 16) <= 0xDFFF:
            raise Refused("has half of a character")
        return match[0], match.end()
    if match := re.compile(r"\\U[0-9a-f]{8}").match(text, at):
        return match[0], match.end()  # written by `translated`
    letter = text[at + 1 : at + 2]
    if letter in "zZ":
        return r"\Z", at + 2
    if letter == "x" or letter in _SAME or not letter.isalnum():
        return text[at : at + 2], at + 2
    if letter == "A":
        return r"\A", at + 2
    raise Refused(f"has the unknown escape {text[at : at + 2]}")


@lru_cache(4096)
def compiled(expression: str, *, everything: bool) -> re.Pattern[str]:
    """Return a compiled expression. `everything` is for texts that aren't all ASCII."""
    return re.compile(expanded(expression, everything=everything), re.ASCII)


def expanded(expression: str, *, everything: bool) -> str:
    """Return an expression whose named classes are replaced by their characters."""

    def characters(match: re.Match[str]) -> str:
        negated, name = match[1] == "P", match[2]
        inside = _within_class(expression, match.start())
        ranges = _characters(name, negated and inside, everything)
        if not ranges:
            # The class has no ASCII character, but must not be empty.
            return r"\U0010ffff" if inside else ("[^\\U0010ffff]" if negated else r"\U0010ffff")
        return ranges if inside else f"[{'^' if negated else ''}{ranges}]"

    return _CATEGORY.sub(characters, expression)


def _within_class(expression: str, place: int) -> bool:
    """Tell whether a position is within a class; classes aren't nested (see `translated`)."""
    inside, at = False, 0
    while at < place:
        if expression[at] == "\\":
            at += 1
        elif expression[at] == "[" and not inside:
            inside = True
        elif expression[at] == "]":
            inside = False
        at += 1
    return inside


@cache
def _characters(name: str, negated: bool, everything: bool) -> str:
    """Return the ranges of a class of characters."""
    last = sys.maxunicode if everything else 0x7F
    ranges: list[tuple[int, int]] = []
    for first, end, member in _members(name, last):
        if member == negated:
            continue
        if ranges and ranges[-1][1] == first - 1:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((first, end))
    return "".join(rf"\U{first:08x}-\U{end:08x}" for first, end in ranges)


def _members(name: str, last: int) -> Iterator[tuple[int, int, bool]]:
    """Yield all characters up to the last one as ranges: first, last, and whether the range is in the class."""
    if name not in _ASCII_CLASSES:
        yield from ((first, end, category.startswith(name)) for first, end, category in _categories(last))
        return
    own = re.compile(f"[{_ASCII_CLASSES[name]}]")
    yield from ((code, code, bool(own.match(chr(code)))) for code in range(0x80))
    if last >= 0x80:
        yield 0x80, last, False


@cache
def _categories(last: int) -> Sequence[tuple[int, int, str]]:
    """Return all characters up to the last one as ranges of one category: first, last, and the category."""
    ranges = []
    for category, codes in groupby(range(last + 1), lambda code: unicodedata.category(chr(code))):
        first, *rest = codes
        ranges.append((first, rest[-1] if rest else first, category))
    return ranges
