"""What the whole suite shares."""

from __future__ import annotations

import os
import shutil
import tempfile

import hypothesis
import pytest

from tests import session

# How long an example takes is the machine's business; benchmarks measure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all test processes of a session share; the workers get it with their environment."""
    if session.FOLDER not in os.environ:
        os.environ[session.FOLDER] = tempfile.mkdtemp()
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(session.FOLDER)))


@pytest.fixture(autouse=True)
def pulumi_cli(request: pytest.FixtureRequest) -> None:
    """Skip what drives the real engine where there is none."""
    if request.node.get_closest_marker("engine") and not shutil.which("pulumi"):
        pytest.skip("there is no `pulumi` on the path (`make up` says how to install it)")
