"""Fixtures and hooks of the whole suite."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Generator
from typing import Final

import hypothesis
import pytest
from hypothesis import HealthCheck

from tests import own_files, processes, session
from tests.forks import PROJECT

# `pytest -m hypothesis --hypothesis-profile nightly` tries more examples, and different ones each time. By default the
# examples are few, and the same on every machine. They have no deadline, since their time depends on the machine.
_UNTIMED: Final = hypothesis.settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis.settings.register_profile("bounded", _UNTIMED, max_examples=50, derandomize=True)
hypothesis.settings.register_profile("nightly", _UNTIMED, max_examples=5000, print_blob=True)
hypothesis.settings.load_profile("bounded")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Turn the garbage collector off during collection, and freeze what was collected: it lives until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Create the folder that all test processes of a session share; workers inherit its path in their environment."""
    if session.FOLDER not in os.environ:
        os.environ[session.FOLDER] = tempfile.mkdtemp()
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(session.FOLDER)))
    own_files.keep_away(PROJECT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that make plans or start processes, and skip those that drive the real engine if it is missing."""
    processes.mark(items)
    if not shutil.which("pulumi"):
        # A mark, so that the fixtures of these tests aren't set up either.
        skipped = pytest.mark.skip("there is no `pulumi` on the path (`make up` says how to install it)")
        for item in items:
            if item.get_closest_marker("engine"):
                item.add_marker(skipped)


@pytest.fixture(autouse=True)
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a test without the marker `process` from starting one."""
    if not request.node.get_closest_marker("process"):
        processes.forbid(monkeypatch)
