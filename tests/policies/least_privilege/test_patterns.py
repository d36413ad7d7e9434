"""Matching, inclusion and intersection of patterns, compared with a simple reference: all short texts."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from policies.least_privilege.language import patterns

PATTERNS = st.text("ab*?", max_size=4)
TEXTS = ["".join(letters) for length in range(7) for letters in itertools.product("abz", repeat=length)]


def language(pattern: str) -> set[str]:
    # Besides stars, a pattern has at most three letters, so the shortest text that two patterns share has at most six.
    # No pattern names one of the letters.
    expression = "".join({"*": ".*", "?": "."}.get(letter, letter) for letter in pattern)
    return {text for text in TEXTS if re.fullmatch(expression, text)}


@given(PATTERNS)
def test_matches(pattern: str) -> None:
    assert {text for text in TEXTS if patterns.matches(pattern, text)} == language(pattern)


@given(PATTERNS, PATTERNS)
def test_includes(outer: str, inner: str) -> None:
    assert patterns.includes(outer, inner) == (language(inner) <= language(outer))


@given(PATTERNS, PATTERNS)
def test_intersects(one: str, other: str) -> None:
    assert patterns.intersects(one, other) == bool(language(one) & language(other))
    assert patterns.intersects(other, one) == patterns.intersects(one, other)


def test_no_pattern_explodes() -> None:
    """A backtracking matcher would practically never finish."""
    hard, text = "a*" * 500 + "b", "a" * 1500
    assert not patterns.matches(hard, text)
    assert not patterns.includes(hard, text + "*")
    assert not patterns.intersects(hard, text + "?c")
    assert patterns.includes("*" * 700 + "?" * 300, "?" * 300 + "*")
