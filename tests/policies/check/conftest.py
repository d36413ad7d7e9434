"""The fixture of the tests of `python -m policies check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policies.check.command import Check


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Check:
    return Check(capsys, monkeypatch, tmp_path)
