"""The examples in docstrings are true."""

from __future__ import annotations

import doctest

from components import naming


def test_examples() -> None:
    outcome = doctest.testmod(naming)
    assert outcome.attempted
    assert not outcome.failed
