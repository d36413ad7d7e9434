"""A pack that was copied out of this project says which parts it lacks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stackfiles import project
from tests.forked_modules import run_module
from tests.planning import PROJECT

PACKS = ["gate", *(folder.name for folder in project.packs(PROJECT))]


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_without_the_rulebook_says_so_and_does_not_start(name: str, tmp_path: Path) -> None:
    copied = shutil.copytree(PROJECT / "policies" / name, tmp_path / name)
    done = run_module(tmp_path, "pulumi.policy", "127.0.0.1:1", str(copied))
    # The engine reads a port from stdout, and shows what is on stderr.
    assert (done.code, done.out) == (1, "")
    said = f"error: there is no folder `rulebook` in {tmp_path}; every pack needs it beside its own folder\n"
    assert done.err == said
