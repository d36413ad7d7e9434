"""`init` as a whole: an invented company, a second environment at a real terminal, and runs that end early."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pexpect
import pytest
import yaml
from pexpect import fdpexpect

from operations.init import copied_project
from operations.init.derived import agreed_by_hand
from stackfiles.failures import Failure
from tests import own_files
from tests.forked_modules import run_as_main, run_module
from tests.forks import NAME, PROJECT, at_terminal
from tests.owner import config, give_files
from tests.runbooks import runbook
from tests.session import FOLDER, shared

ANSWERS = Path(__file__).parent / "acme.yaml"
COMPANY: dict[str, Any] = yaml.safe_load(ANSWERS.read_text())
ASIDE = (".git", ".venv", ".*_cache", ".hypothesis", ".pulumi-state", "build", "node_modules")
ONLY_READ = ("tests", "corpus", "benchmarks")
"""Folders that no command of a project writes into: links to them save a third of a copy."""
PACKS = ("least_privilege", "inventory", "previewed", "workloads")
"""Packs that have a configuration for each stack."""
CLIENT = "0123456789abcdefghij"
OF_THE_CLONE = ("tests/test_own_stacks.py", "tests/circleci/test_pipeline.py")
"""The tests that read the clone's own files, and so could fail for another owner. No other test can open such a file
(tests/own_files.py), so no other test depends on who owns the clone.
"""


def clone(folder: Path) -> Path:
    """Copy the project, like a clone that belonged to the suite's owner before."""
    aside = shutil.ignore_patterns(*ASIDE, *ONLY_READ)

    def ignored(parent: str, names: list[str]) -> set[str]:
        own = {name for name in names if own_files.is_one((Path(parent) / name).relative_to(PROJECT))}
        return {*aside(parent, names), *own}

    shutil.copytree(PROJECT, folder, ignore=ignored)
    for name in ONLY_READ:
        (folder / name).symlink_to(PROJECT / name)
    give_files(folder)
    declared = folder / "Pulumi.yaml"
    declared.write_text(declared.read_text().replace(f"name: {NAME}\n", f"name: {NAME}  # EXAMPLE\n"))
    return folder


def texts(project: Path) -> dict[str, str]:
    """The text of every file of a project, except its code."""
    files = [*project.glob("Pulumi*.yaml"), *project.glob("docs/**/*"), *project.glob("policies/config/*")]
    return {str(file.relative_to(project)): file.read_text() for file in files if file.is_file()}


@pytest.fixture(scope="module")
def acme() -> Path:
    """A clone that belongs to an invented company; it is made once, and must not be changed."""

    def make() -> str:
        project = clone(Path(os.environ[FOLDER]) / "acme-platform")
        arguments = ("init", "--stack=staging", "--only", f"--answers={ANSWERS}", "--offline")
        done = run_module(project, "operations", *arguments)
        assert done.code == 0, done.printed
        assert "staging: " in done.out
        assert done.out.endswith(": passed\n")
        return str(project)

    return Path(shared("the invented company", make))


def test_nothing_of_the_previous_owner_is_left(acme: Path) -> None:
    parts = r"Pulumi.*|policies/config/\w+\.\w+\.json|docs/(access|diagram|settings).*"
    written = {name: text for name, text in texts(acme).items() if re.fullmatch(parts, name)}
    assert written.keys() == {
        "Pulumi.yaml",
        "Pulumi.staging.yaml",
        *(f"policies/config/{pack}.staging.json" for pack in PACKS),
        *(f"docs/{page}" for page in ("access-staging.md", "diagram.md", "diagram.svg", "settings.md")),
    }
    given = [value for stack in ("prod", "dev") for value in config(stack).values() if not isinstance(value, dict)]
    values = {str(item) for value in given for item in (value if isinstance(value, list) else [value])}
    before = {NAME, *(value for value in values if len(value) > 5)}
    assert len(before) > 20
    for file, text in written.items():
        assert not {value for value in before if value in text}, file
        assert "waivers" not in text
    marked = [line.split(":")[0].strip() for line in written["Pulumi.staging.yaml"].splitlines() if "EXAMPLE" in line]
    assert marked == ["originHeaderSecret", "secure"]
    assert not [name for name, text in written.items() if "EXAMPLE" in text and name != "Pulumi.staging.yaml"]


def test_the_stack_file_has_the_answers(acme: Path) -> None:
    given = yaml.safe_load((acme / "Pulumi.staging.yaml").read_text())["config"]
    secret = given.pop("originHeaderSecret")
    expected = {key: value for key, value in COMPANY.items() if key != "name"}
    assert given == expected | {"aws:allowedAccountIds": [COMPANY["aws:allowedAccountIds"]]}
    assert secret == {"secure": "v1:EXAMPLE:EXAMPLE"}
    assert yaml.safe_load((acme / "Pulumi.yaml").read_text())["name"] == COMPANY["name"]


@pytest.mark.nightly
@pytest.mark.parametrize("others", [[], ["testing"]], ids=["one environment", "two environments"])
def test_the_clones_own_tests_pass(acme: Path, tmp_path: Path, others: list[str]) -> None:
    """The tests that read the clone's own files; tests/own_files.py keeps all other tests away from these."""
    project = Path(shutil.copytree(acme, tmp_path / "project"))
    for stack in others:
        answers = {
            "kindeDomain": COMPANY["kindeDomain"],
            "kindeClientId": CLIENT,
            "kindeClientSecret": f"{stack}/kinde/client-secret-9Zk3Qp",
            "cluster": f"acme-{stack}",
        }
        given = (f"--set={key}={value}" for key, value in answers.items())
        done = run_module(project, "operations", "init", f"--stack={stack}", "--like=staging", "--offline", *given)
        assert done.code == 0, done.printed
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", FOLDER))}
    (project / ".venv").symlink_to(sys.prefix)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *OF_THE_CLONE]
    suite = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert suite.returncode == 0, suite.stdout + suite.stderr
    assert "passed" in suite.stdout


def test_a_second_run_can_change_one_answer(acme: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(acme, tmp_path / "project", symlinks=True))
    stack, agreed = project / "Pulumi.staging.yaml", project / "policies" / "config" / "inventory.staging.json"
    stack.write_text(stack.read_text().replace("config:\n", "config:\n  # Ours.\n  sessionSeconds: 3600  # an hour\n"))
    before = texts(project)
    arguments = ("init", "--stack=staging", "--offline", "--set=vpcId=vpc-0123456789abcdef0")
    done = run_module(project, "operations", *arguments)
    assert done.code == 0, done.printed
    after = texts(project)
    changed = {name for name in after if after[name] != before.get(name)}
    # The names of target groups, which the diagram shows, depend on the VPC.
    assert changed - {"docs/access-staging.md"} == {
        "Pulumi.staging.yaml",
        "policies/config/inventory.staging.json",
        "docs/diagram.md",
        "docs/diagram.svg",
    }
    old = COMPANY["vpcId"]
    assert after["Pulumi.staging.yaml"] == before["Pulumi.staging.yaml"].replace(old, "vpc-0123456789abcdef0")
    assert old not in agreed.read_text()


def test_agreements_by_hand_are_recognized(acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries made by hand stay; the others change with the answers that they follow from, as in the run above."""

    def run(work: copied_project.CopiedProject, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = run_module(work.copy, module, *arguments)
        return subprocess.CompletedProcess(module, done.code, done.out, done.err)

    monkeypatch.setattr(copied_project.CopiedProject, "run", run)
    project = Path(shutil.copytree(acme, tmp_path / "project", symlinks=True))
    work = copied_project.CopiedProject(acme, project)
    file = project / "policies" / "config" / "inventory.staging.json"
    agreed = json.loads(file.read_text())
    agreed["pinned-record"]["records"]["status.acme.io"] = "CNAME status.example.com"
    file.write_text(json.dumps(agreed))
    assert agreed_by_hand(work, "staging")
    assert not agreed_by_hand(work, "new")


def test_make_passes_its_variables_on() -> None:
    """The runbook's first command is the one that a test below types at a terminal."""
    command, *_ = runbook("adding-an-environment").commands
    assert command == "make init STACK=staging LIKE=dev"
    recipe = subprocess.run([*command.split(), "--dry-run"], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "-m operations init --stack staging  --like dev" in recipe.stdout
    scripted = ["make", "--dry-run", "init", "STACK=prod", "ANSWERS=a.yaml"]
    recipe = subprocess.run(scripted, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert "-m operations init --stack prod --answers a.yaml" in recipe.stdout


def test_a_second_environment_can_be_added_at_a_terminal(acme: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(acme, tmp_path / "project", symlinks=True))
    before = texts(project)
    started = start(project, "--stack=testing", "--like=staging")
    terminal = started.terminal
    answers = {"kindeClientId": CLIENT, "kindeClientSecret": "testing/kinde/client-secret-9Zk3Qp"}
    wrong = {
        "kindeClientId": ("abc", "won't do; accepted: the application's client id"),
        "kindeClientSecret": ("staging/kinde/client-secret-9Zk3Qp", "belongs to another environment"),
        "vpcId": ("subnet-1", "won't do; accepted: a VPC id"),
        "publicSubnetIds": ("subnet-0123abcd", "has too few values; accepted: at least 2"),
    }
    while terminal.expect([r"\n([\w:]+)(?: \[[^\]]*\])?: $", r"Write this\? \[y/N\] $"]) == 0:
        assert isinstance(terminal.match, re.Match)
        key = terminal.match.group(1)
        if key in wrong:
            typed, told = wrong.pop(key)
            terminal.sendline(typed)
            terminal.expect_exact(told)
        else:
            terminal.sendline(answers.pop(key, ""))
    assert texts(project) == before
    assert (wrong, answers) == ({}, {})
    terminal.sendline("y")
    terminal.expect_exact("testing: ")
    terminal.expect_exact("passed")
    assert started.ended() == 0
    made = yaml.safe_load((project / "Pulumi.testing.yaml").read_text())["config"]
    # The account's identity provider is staging's already, and the names are those of this environment.
    assert made["circleciProviderManaged"] is False
    assert made["cluster"] == "acme-testing"
    assert {name for name, text in texts(project).items() if text != before.get(name)} == {
        "Pulumi.testing.yaml",
        "docs/access-testing.md",
        *(f"policies/config/{pack}.testing.json" for pack in PACKS),
    }


_PRESSED_AGAIN: Final = 20
"""Seconds until a key is pressed again: a run that has seen it has printed its message by then."""


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [("\x03", 130, "interrupted"), ("\x04", 1, "the input ended before the last answer; nothing was written")],
    ids=["Ctrl-C", "Ctrl-D"],
)
def test_ending_early_writes_nothing(acme: Path, key: str, code: int, told: str) -> None:
    before = texts(acme)
    started = start(acme, "--stack=testing")
    terminal = started.terminal
    terminal.expect_exact("aws:region: ")
    terminal.sendline("us-east-1")
    terminal.expect_exact("aws:allowedAccountIds: ")
    terminal.send(key)
    # Python misses a Ctrl-C between its prompt and its wait for input. Users press it again then.
    while terminal.expect_exact([told, pexpect.TIMEOUT], timeout=_PRESSED_AGAIN):
        terminal.send(key)
    assert started.ended() == code
    assert texts(acme) == before


@dataclass(frozen=True)
class AtTerminal:
    """`init` in a process with its own terminal."""

    terminal: fdpexpect.fdspawn[str]
    process: BaseProcess

    def ended(self) -> int | None:
        """Wait for the process to end, and return the exit code."""
        self.terminal.expect(pexpect.EOF)
        self.process.join()
        self.terminal.close()
        return self.process.exitcode


def start(project: Path, *options: str) -> AtTerminal:
    """Start `init`, offline."""
    ours, device = os.openpty()
    fcntl.ioctl(device, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = at_terminal(os.ttyname(device), run_as_main, project, "operations", ("init", "--offline", *options))
    os.close(device)
    return AtTerminal(fdpexpect.fdspawn(ours, timeout=1000, encoding="utf-8"), process)


def test_all_files_are_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "changed").write_text("before")
    (tmp_path / "gone").write_text("before")
    (tmp_path / "folder").mkdir()
    files = [(Path("changed"), b"after"), (Path("new"), b"after"), (Path("gone"), None), (Path("folder"), b"after")]
    with pytest.raises(Failure, match="nothing was written"):
        copied_project.put_in_place(tmp_path, files)
    assert {path.name: path.is_file() and path.read_text() for path in tmp_path.iterdir()} == {
        "changed": "before",
        "gone": "before",
        "folder": False,
    }
    copied_project.put_in_place(tmp_path, files[:3])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed", "folder", "new"]
    assert (tmp_path / "changed").read_text() == (tmp_path / "new").read_text() == "after"
