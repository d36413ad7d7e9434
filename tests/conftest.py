"""What the whole suite shares."""

from __future__ import annotations

import shutil

import hypothesis
import pytest

# How long an example takes is the machine's business; benchmarks measure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def pulumi_cli(request: pytest.FixtureRequest) -> None:
    """Skip what drives the real engine where there is none."""
    if request.node.get_closest_marker("engine") and not shutil.which("pulumi"):
        pytest.skip("there is no `pulumi` on the path (`make up` says how to install it)")
