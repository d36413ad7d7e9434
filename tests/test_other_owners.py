"""Whoever owns the clone: with other stack files, what is derived is written by commands, and gate and suite pass.

Each owner has a clone whose stack files are made from those of the suite's owner. The tests that read the clone's own
files run in it: those of its stacks, and of the pipeline that is written for them. No other test can open such a file,
neither in its process nor in a fork (tests/own_files.py), so none of these depends on who owns the clone.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests import session
from tests.forked_modules import run_module
from tests.forks import NAME, PROJECT, forked
from tests.owner import FILES

LEFT_OUT: Final = (".git", ".venv", "build", ".*_cache", ".hypothesis", ".pulumi-state", "Pulumi.*.yaml")
"""What a clone doesn't get from the folder of this one: what isn't in the repository, and the stack files."""
PART: Final = ("tests/test_own_stacks.py", "tests/circleci/test_pipeline.py")


@dataclass(frozen=True)
class Owner:
    """Whose project has another name, other stacks and other settings."""

    project: str
    environments: Mapping[str, str]
    """Environment -> the stack of the suite's owner that it is like."""
    settings: Mapping[str, Any]
    """What each stack has instead of that one's."""


ACME: Final = Owner(
    "acme-platform",
    {"staging": "dev", "live": "prod"},
    {
        "aws:region": "us-east-1",
        "aws:allowedAccountIds": ["444455556666"],
        "domain": "acme.io",
        "kindeDomain": "login.acme.io",
        "kindeClientId": "fedcba9876543210fedcba9876543210",
        "cloudfrontPrefixListId": "pl-3b927c52",
        "circleciRepository": "github.com/acme/platform",
    },
)
BEGINNER: Final = Owner(
    NAME, {"staging": "prod"}, {"aws:region": "ap-southeast-2", "aws:allowedAccountIds": ["777788889999"]}
)
OWNERS: Final = {"another company": ACME, "one environment only": BEGINNER}


def left_out(folder: str, names: list[str]) -> set[str]:
    """Return what of a folder a clone doesn't get; of the packs' configuration, that of single stacks."""
    patterns = {PROJECT: LEFT_OUT, PROJECT / "policies" / "config": ("*.*.json",)}.get(Path(folder), ())
    return {name for pattern in patterns for name in fnmatch.filter(names, pattern)}


def clone(folder: Path, owner: Owner) -> Path:
    """Make a clone with an owner's stack files, and nothing of what is derived from any."""
    project = folder / "clone"
    shutil.copytree(PROJECT, project, ignore=left_out)
    (project / ".venv").symlink_to(sys.prefix)
    declared = project / "Pulumi.yaml"
    declared.write_text(re.sub(r"^name: .*$", f"name: {owner.project}", declared.read_text(), flags=re.MULTILINE))
    for environment, like in owner.environments.items():
        text = re.sub(rf"\b{like}(?=[-/])", environment, (FILES / f"Pulumi.{like}.yaml").read_text())
        document = yaml.safe_load(text)
        document["config"] |= owner.settings
        (project / f"Pulumi.{environment}.yaml").write_text(yaml.safe_dump(document))
    return project


def run_part_of_suite(project: Path) -> str:
    """Run the tests of a clone that read its own files, as its owner does, and return what they print."""
    ours = ("PYTEST_", session.FOLDER)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *PART]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("owner", OWNERS.values(), ids=OWNERS)
def test_gate_and_suite_pass_in_the_clone_of_another_owner(owner: Owner, tmp_path: Path) -> None:
    project = clone(tmp_path, owner)
    agree = ("policies.inventory.agreement", "write", "--yes", "--stack")
    for command in (*((*agree, environment) for environment in owner.environments), ("generators",)):
        done = run_module(project, *command)
        assert done.code == 0, done.printed
    assert "passed" in run_part_of_suite(project)


def reads(file: str) -> int:
    """Read a file of the repository, as a test may by mistake."""
    return len((PROJECT / file).read_text())


@pytest.mark.parametrize("file", ["Pulumi.prod.yaml", "policies/config/inventory.prod.json"])
def test_no_other_test_reads_the_repositorys_own_stack_files(file: str) -> None:
    with pytest.raises(AssertionError, match="which owners change"):
        reads(file)
    assert "which owners change" in forked(reads, file).err
