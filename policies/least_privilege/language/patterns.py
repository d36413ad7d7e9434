"""Patterns of IAM: `*` stands for any text, `?` for any one character. Matching, inclusion and intersection are exact.

A pattern runs as a bit-parallel automaton: a set of positions is one integer. Matching and intersection take time
that is linear in the text, so no pattern makes them explode. `*` matches every character, `:` and `/` too, as in IAM
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).
Case matters: callers lower-case what IAM compares without regard to case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

_WILD: Final = frozenset("*?")


class _Automaton(NamedTuple):
    """A pattern of n letters: bits 0 to n are the positions in it, and bit n means that it matches."""

    stars: int
    """Positions at which a `*` stands."""
    any: int
    """Positions at which a `?` stands."""
    letters: Mapping[str, int]
    """Positions at which each letter stands."""
    final: int

    def start(self) -> int:
        return self._closed(1)

    def _closed(self, positions: int) -> int:
        # Runs of wildcards are normalised to `???*`, so two stars never follow each other: one step is enough.
        return positions | (positions & self.stars) << 1

    def step(self, positions: int, letter: str) -> int:
        """Read one letter; the empty string stands for a letter that the pattern doesn't hold."""
        moved = positions & (self.any | self.letters.get(letter, 0))
        positions = moved << 1 | positions & self.stars
        return positions | (positions & self.stars) << 1


def wild(pattern: str) -> bool:
    """Tell whether a pattern holds a wildcard.

    >>> wild("s3:Get*"), wild("s3:GetObject")
    (True, False)
    """
    return "*" in pattern or "?" in pattern


def head(pattern: str) -> str:
    """Return what is before the first wildcard.

    >>> head("s3:Get?bject*"), head("s3:GetObject")
    ('s3:Get', 's3:GetObject')
    """
    return pattern.partition("*")[0].partition("?")[0]


@lru_cache(65536)
def normal(pattern: str) -> str:
    """Return the same pattern with each run of wildcards in one form, question marks first.

    >>> normal("a**b*?")
    'a*b?*'
    """
    if "**" not in pattern and "*?" not in pattern:
        return pattern
    result: list[str] = []
    run = ""
    for letter in pattern + "\0":
        if letter in _WILD:
            run += letter
            continue
        if run:
            result.append("?" * run.count("?") + "*" * ("*" in run))
            run = ""
        result.append(letter)
    return "".join(result)[:-1]


@lru_cache(16384)
def _automaton(pattern: str) -> _Automaton:
    stars = any_ = 0
    letters: dict[str, int] = {}
    pattern = normal(pattern)
    for position, letter in enumerate(pattern):
        bit = 1 << position
        if letter == "*":
            stars |= bit
        elif letter == "?":
            any_ |= bit
        else:
            letters[letter] = letters.get(letter, 0) | bit
    return _Automaton(stars, any_, letters, 1 << len(pattern))


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern matches a text.

    >>> matches("arn:aws:s3:::a*/?", "arn:aws:s3:::a/b/c"), matches("a?", "a")
    (True, False)
    """
    if not wild(pattern):
        return pattern == text
    if "?" not in pattern:
        return _matches_stars(pattern.split("*"), text)
    if "*" not in pattern and len(pattern) != len(text):
        return False
    # Most patterns with a question mark are `name/?*`: the automaton only has to match what follows the name.
    begin = head(pattern)
    if not text.startswith(begin):
        return False
    pattern, text = pattern[len(begin) :], text[len(begin) :]
    if pattern == "?*":
        return bool(text)
    automaton = _automaton(pattern)
    positions = automaton.start()
    for letter in text:
        positions = automaton.step(positions, letter)
        if not positions:
            return False
    return bool(positions & automaton.final)


def matching(pattern: str, texts: Sequence[str]) -> list[int]:
    """Return the places of the texts that a pattern matches, in a list of many.

    >>> matching("*tag*", ["get", "tag", "untag"])
    [1, 2]
    """
    if pattern and not pattern.strip("*"):
        return [*range(len(texts))]
    # Most texts lack the longest word of the pattern.
    word = max(pattern.replace("?", "*").split("*"), key=len)
    return [place for place, text in enumerate(texts) if word in text and matches(pattern, text)]


def _matches_stars(literals: list[str], text: str) -> bool:
    """Match the literals between stars: the first at the start, the last at the end, others as early as possible."""
    first, *between, last = literals
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for literal in between:
        found = text.find(literal, at, end)
        if found < 0:
            return False
        at = found + len(literal)
    return True


@lru_cache(65536)
def includes(outer: str, inner: str) -> bool:
    """Tell whether `outer` matches everything that `inner` matches.

    Each wildcard of `inner` is tried with a letter that `outer` doesn't hold: if that matches, every letter does.

    >>> includes("secret:*", "secret:prod/*"), includes("secret:?*", "secret:*"), includes("*?", "?*")
    (True, False, True)
    """
    if outer == inner or outer == "*":
        return True
    if not wild(inner) or "?" not in outer:
        # A wildcard of `inner`, taken as a letter, is one that `outer` doesn't hold, so only a star matches it; and a
        # star also matches nothing, or more than one letter.
        return matches(outer, inner)
    if _letters(outer) > _letters(inner):
        # Each letter of `outer` needs the same letter in `inner`, whose wildcards may stand for any other.
        return False
    begin = head(outer)
    if not inner.startswith(begin):
        # `inner` begins with another letter, or with a wildcard that may stand for another letter.
        return False
    outer, inner = outer[len(begin) :], inner[len(begin) :]
    automaton = _automaton(outer)
    # All sets of positions that a text of the part of `inner` read so far can lead to; each must match in the end.
    # A set that contains another one matches whenever that one does, so only the smallest sets are kept.
    possible = {automaton.start()}
    for letter in normal(inner):
        if letter == "*":
            reached: set[int] = set()
            for positions in possible:
                further = positions
                while further not in reached:
                    reached.add(further)
                    further = automaton.step(further, "")
            possible = _smallest(reached)
        else:
            possible = _smallest({automaton.step(positions, "" if letter == "?" else letter) for positions in possible})
        if 0 in possible:
            return False
    return all(positions & automaton.final for positions in possible)


def _letters(pattern: str) -> int:
    return len(pattern) - pattern.count("*") - pattern.count("?")


@lru_cache(16384)
def covered(inner: str, outers: tuple[str, ...]) -> bool:
    """Tell whether several patterns together match everything that `inner` matches.

    Up to eight patterns that intersect `inner` are combined. With more of them, the answer may be False where True is
    right.

    >>> covered("a?c", ("abc", "a[!b]c")), covered("*", ("a*", "?", "*")), covered("ab*", ("ab", "ab?*"))
    (False, True, True)
    """
    if any(includes(outer, inner) for outer in outers):
        return True
    near = [outer for outer in outers if wild(inner) and intersects(outer, inner)]
    if not 1 < len(near) <= _TOGETHER:
        return False
    automata = [_automaton(outer) for outer in near]
    possible = {tuple(automaton.start() for automaton in automata)}
    for letter in normal(inner):
        # If a letter that none of them holds matches, every letter does.
        named = "" if letter in _WILD else letter
        step = {
            tuple(automaton.step(one, named) for automaton, one in zip(automata, states, strict=True))
            for states in possible
        }
        if letter == "*":
            reached = set(possible)
            while new := step - reached:
                reached |= new
                if len(reached) > _STATES:
                    return False
                step = {
                    tuple(automaton.step(one, "") for automaton, one in zip(automata, states, strict=True))
                    for states in new
                }
            possible = reached
        else:
            possible = step
    return all(
        any(one & automaton.final for automaton, one in zip(automata, states, strict=True)) for states in possible
    )


_TOGETHER: Final = 8
_STATES: Final = 4096


def _smallest(sets: set[int]) -> set[int]:
    if len(sets) < 2:
        return sets
    return {one for one in sets if not any(other != one and other & one == other for other in sets)}


def _follow(one: str, other: str) -> bool:
    """Tell whether both patterns match a text of `one` that is followed by a text of `other`."""
    return one.endswith("*") and other.lstrip("?").startswith("*")


def _tail(pattern: str) -> str:
    """Return what is after the last wildcard."""
    return pattern.rpartition("*")[2].rpartition("?")[2]


def _stars_match(one: str, other: str) -> bool:
    """Tell whether a pattern without `?` matches another one whose wildcards are taken for letters."""
    return "?" not in one and _matches_stars(one.split("*"), other)


@lru_cache(65536)
def intersects(one: str, other: str) -> bool:
    """Tell whether some text is matched by both patterns.

    >>> intersects("log-group:/x:*", "log-group:*:log-stream:*"), intersects("a*b", "a*c")
    (True, False)
    """
    if not wild(one):
        return matches(other, one)
    if not wild(other):
        return matches(one, other)
    begin, other_begin = head(one), head(other)
    if not begin.startswith(other_begin) and not other_begin.startswith(begin):
        return False
    same = min(len(begin), len(other_begin))
    one, other = one[same:], other[same:]
    if "?*" in (one, other) or _follow(one, other) or _follow(other, one):
        # The rest of each still holds a wildcard, so it matches a text that isn't empty.
        return True
    if _stars_match(one, other) or _stars_match(other, one):
        return True
    end, other_end = _tail(one), _tail(other)
    if not end.endswith(other_end) and not other_end.endswith(end):
        return False
    automaton = _automaton(one)
    positions = automaton.start()
    for letter in normal(other):
        if letter == "*":
            # Any text: every position from the first one on can be reached.
            positions = (automaton.final << 1) - (positions & -positions)
        elif letter == "?":
            positions = automaton._closed((positions & ~automaton.stars) << 1 | positions & automaton.stars)
            positions &= (automaton.final << 1) - 1
        else:
            positions = automaton.step(positions, letter)
        if not positions:
            return False
    return bool(positions & automaton.final)
