"""Fixtures that deploy: on empty accounts, or a stack that is up already."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.engine.deployment import Deployment, Outcome, prepared
from tests.engine.stand_ins import attach

Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deploy]:
    """Create deployments of a stack: on an empty account, or (`up=True`) with everything deployed already."""
    made = []

    def make(stack: str = "prod", *, up: bool = False) -> Deployment:
        deployment = _copy_of(first_up(stack)[0], tmp_path) if up else prepared().deployment(tmp_path, stack)
        made.append(deployment)
        return deployment

    yield make
    for deployment in made:
        deployment.faults()  # calls that still wait go on
        deployment.attached.stop()


@cache
def first_up(stack: str) -> tuple[Deployment, Outcome]:
    """Bring a stack up on an empty account, once, as CI does; tests only copy and read it."""
    import atexit
    import tempfile

    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    deployment = prepared().deployment(folder, stack)
    return deployment, deployment.up("--without-workloads")


def _copy_of(original: Deployment, folder: Path) -> Deployment:
    for part in ("project", "state", "cloud"):
        shutil.copytree(original.folder / part, folder / part, symlinks=True)
    return Deployment(folder, original.stack, folder / "project", attach(folder / "cloud"))
