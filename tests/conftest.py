"""What the whole suite shares."""

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

# `pytest -m hypothesis --hypothesis-profile nightly` looks for longer, and elsewhere each time; without the option the
# examples are few and the same on every machine. How long one takes is the machine's business; benchmarks measure.
_UNTIMED: Final = hypothesis.settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis.settings.register_profile("bounded", _UNTIMED, max_examples=50, derandomize=True)
hypothesis.settings.register_profile("nightly", _UNTIMED, max_examples=5000, print_blob=True)
hypothesis.settings.load_profile("bounded")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Have the collector rest meanwhile, and then count what there is as no garbage: it stays to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all test processes of a session share; the workers get it with their environment."""
    if session.FOLDER not in os.environ:
        os.environ[session.FOLDER] = tempfile.mkdtemp()
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(session.FOLDER)))
    own_files.keep_away(PROJECT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that make plans or start processes, and skip what drives the real engine where there is none."""
    processes.mark(items)
    if not shutil.which("pulumi"):
        # A mark, so that no fixture of theirs is made either.
        skipped = pytest.mark.skip("`pulumi` isn't on the path (`make up` says how to install it)")
        for item in items:
            if item.get_closest_marker("engine"):
                item.add_marker(skipped)


@pytest.fixture(autouse=True)
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold the other tests to it."""
    if not request.node.get_closest_marker("process"):
        processes.forbid(monkeypatch)
