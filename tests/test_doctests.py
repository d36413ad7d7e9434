"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

from tests.forks import PROJECT

FOLDERS = "components generators operations policies rehearsal stackfiles".split()
MODULES = [
    ".".join(path.relative_to(PROJECT).with_suffix("").parts)
    for folder in FOLDERS
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples_are_true(module: str) -> None:
    outcome = doctest.testmod(import_module(module))
    assert outcome.attempted
    assert not outcome.failed
