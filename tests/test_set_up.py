"""`set_up.py`: what it installs, and when it leaves `.venv` alone. A stand-in for uv records its calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.forks import PROJECT

UV = """#!/bin/sh
echo "$@" >> "$UV_CALLS"
case "$1" in venv) for last; do :; done; mkdir -p "$last/bin"; : > "$last/bin/python" ;; esac
test -z "$UV_FAILS"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with lock files."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(PROJECT / "set_up.py", folder)
    for name in ("requirements.lock", "requirements-develop.lock", "requirements-uv.lock"):
        (folder / name).write_text(f"{name}\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").write_text(UV)
    (tmp_path / "bin" / "uv").chmod(0o755)
    return folder


def set_up(checkout: Path, packages: str, *, fails: str = "") -> list[str]:
    """Set up, and return the lock files that were installed, with `venv` where an environment was created."""
    calls = checkout.parent / "calls"
    calls.write_text("")
    path = f"{checkout.parent / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        [sys.executable, "set_up.py", packages],
        cwd=checkout,
        env={**os.environ, "PATH": path, "UV_CALLS": str(calls), "UV_FAILS": fails},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == int(bool(fails)), done.stderr
    words = [line.split() for line in calls.read_text().splitlines()]
    return ["venv" if line[0] == "venv" else Path(line[-1]).name for line in words]


def test_an_existing_environment_is_left_alone(checkout: Path) -> None:
    assert set_up(checkout, "run") == ["venv", "requirements.lock"]
    assert set_up(checkout, "run") == []


def test_the_run_set_is_part_of_the_develop_set(checkout: Path) -> None:
    set_up(checkout, "develop")
    assert set_up(checkout, "run") == []


def test_a_restored_cache_saves_the_installation_whatever_the_times_of_the_files(checkout: Path) -> None:
    set_up(checkout, "develop")
    for file in checkout.rglob("*"):
        os.utime(file, (1, 1))
    for lock in checkout.glob("*.lock"):
        os.utime(lock)  # a fresh checkout is newer than the restored cache
    assert set_up(checkout, "develop") == set_up(checkout, "run") == []


def test_another_lock_file_is_installed_into_a_new_environment(checkout: Path) -> None:
    set_up(checkout, "run")
    (checkout / "requirements.lock").write_text("another\n")
    assert set_up(checkout, "run") == ["venv", "requirements.lock"]


def test_the_develop_set_is_kept_when_the_lock_files_change(checkout: Path) -> None:
    set_up(checkout, "develop")
    for lock in checkout.glob("*.lock"):
        lock.write_text(f"another {lock.name}\n")
    assert set_up(checkout, "run") == ["venv", "requirements-develop.lock"]
    assert set_up(checkout, "develop") == []


def test_an_environment_without_its_python_is_created_again(checkout: Path) -> None:
    """This happens when a cache comes from an image with another Python."""
    set_up(checkout, "run")
    (checkout / ".venv" / "bin" / "python").unlink()
    assert set_up(checkout, "run") == ["venv", "requirements.lock"]


def test_a_failed_installation_is_repeated(checkout: Path) -> None:
    set_up(checkout, "run", fails="yes")
    assert set_up(checkout, "run") == ["venv", "requirements.lock"]


def test_the_pipeline_restores_the_cache_that_it_saved_for_this_python_and_these_locks() -> None:
    pipeline = yaml.safe_load((PROJECT / ".circleci" / "config.yml").read_text())
    steps = pipeline["commands"]["set-up-from-cache"]["steps"]
    (restored,) = [step["when"]["steps"][0]["restore_cache"]["keys"] for step in steps if "when" in step]
    (saved,) = [step["save_cache"] for step in steps if "save_cache" in step]
    assert restored == [saved["key"]]
    assert saved["paths"] == [".venv"]
    for file in ("/tmp/python", "requirements.lock", "requirements-develop.lock"):
        assert f'{{{{ checksum "{file}" }}}}' in saved["key"]
