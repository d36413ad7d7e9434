"""Whoever owns the clone: with other stack files, what is derived is written by commands, and gate and suite pass.

Each owner has a clone whose stack files are made from those of the suite's owner. A part of the suite runs in it: the
tests of the clone's own stacks, and some that would miss what only the suite's owner has.
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
from tests.forks import NAME, PROJECT, forked
from tests.owner import FILES

LEFT_OUT: Final = (".git", ".venv", "build", ".*_cache", ".hypothesis", ".pulumi-state", "Pulumi.*.yaml")
"""What a clone doesn't get from the folder of this one: what isn't in the repository, and the stack files."""
PART: Final = (
    *("tests/test_own_stacks.py", "tests/operations/test_deploy.py", "tests/policies/inventory/test_agreement.py"),
    *("tests/circleci/test_pipeline.py", "tests/test_ci_trust.py", "tests/policies/test_gate.py"),
)


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


def run(project: Path, module: str, *arguments: str) -> str:
    """Run a module in a clone, as its owner does, and return what it prints."""
    ours = ("PYTEST_", session.FOLDER)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("owner", OWNERS.values(), ids=OWNERS)
def test_gate_and_suite_pass_in_the_clone_of_another_owner(owner: Owner, tmp_path: Path) -> None:
    project = clone(tmp_path, owner)
    for environment in owner.environments:
        run(project, "policies.inventory.agreement", "write", "--stack", environment, "--yes")
    run(project, "generators")
    assert "passed" in run(project, "pytest", "-p", "no:cacheprovider", *PART)


def reads(file: str) -> int:
    """Read a file of the repository, as a test may by mistake."""
    return len((PROJECT / file).read_text())


@pytest.mark.parametrize("file", ["Pulumi.prod.yaml", "policies/config/inventory.prod.json"])
def test_no_other_test_reads_the_repositorys_own_stack_files(file: str) -> None:
    with pytest.raises(AssertionError, match="which owners change"):
        reads(file)
    assert "which owners change" in forked(reads, file).err
