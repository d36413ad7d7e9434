"""Marks tests that make plans or start processes with `process`; `-m 'not process'` runs the fast tier without them.

The mark depends on what a test or one of its fixtures can reach by name through the modules of `tests`: a test is
marked if that includes `forked`, `at_terminal`, `subprocess` or a started pack. A test without the mark can't start a
process (`forbid`).
"""

from __future__ import annotations

import inspect
import multiprocessing.process
import subprocess
from collections.abc import Iterator
from itertools import groupby
from types import CodeType, FunctionType, ModuleType
from typing import Final

import pytest

from tests.forks import at_terminal, forked

_STARTERS: Final[tuple[object, ...]] = (subprocess, forked, at_terminal)


def mark(items: list[pytest.Item]) -> None:
    """Mark the tests that start processes."""
    known: dict[object, bool] = {}
    for function, same in groupby(items, lambda item: isinstance(item, pytest.Function) and item.function):
        first, *others = same
        if function and any(_starts(reached, known) for reached in (function, *_fixtures(first))):
            for item in (first, *others):
                item.add_marker("process")


def _fixtures(item: pytest.Item) -> Iterator[object]:
    assert isinstance(item, pytest.Function)
    for fixtures in item._fixtureinfo.name2fixturedefs.values():  # pytest offers no public way to a test's fixtures
        yield from (fixture.func for fixture in fixtures)


def _starts(thing: object, known: dict[object, bool]) -> bool:
    """Tell whether a function or class of the tests can reach code that starts a process."""
    thing = inspect.unwrap(thing) if callable(thing) else thing  # cached functions
    if any(thing is starter for starter in _STARTERS):
        return True
    if not isinstance(thing, FunctionType | type) or not thing.__module__.startswith("tests."):
        return False
    if thing not in known:
        known[thing] = False  # for functions that call each other
        known[thing] = any(_starts(reached, known) for reached in _reached(thing))
    return known[thing]


def _reached(thing: FunctionType | type) -> Iterator[object]:
    if isinstance(thing, type):
        yield from (getattr(value, "__func__", getattr(value, "fget", value)) for value in vars(thing).values())
        return
    names = set(_names(thing.__code__))
    found = [thing.__globals__.get(name) for name in names]
    yield from found
    for module in found:
        if isinstance(module, ModuleType) and module.__name__.startswith("tests.") and module.__name__ != __name__:
            yield from (vars(module).get(name) for name in names)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def forbid(patch: pytest.MonkeyPatch) -> None:
    """Keep tests from starting processes until the patch is undone."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this test starts a process, and tests/processes.py did not mark it")

    patch.setattr(subprocess.Popen, "__init__", refuse)
    patch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
