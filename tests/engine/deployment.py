"""A copy of the project that the real engine deploys to the stand-ins, with its own backend, secrets and account."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import yaml

from tests.engine.account import Account, Resource
from tests.engine.stand_ins import Attached, attach
from tests.owner import owned
from tests.planning import NAME, PROJECT, copy_project
from tests.workloads import LAB

STACKS: Final = ("prod", "dev", LAB)
PASSPHRASE: Final = "a passphrase for tests"
HANGS: Final = 900
"""Seconds after which a run counts as hanging."""

HEADER_SECRET: Final = sha256(b"current").hexdigest()
NEXT_HEADER_SECRET: Final = sha256(b"next").hexdigest()
KINDE_SECRET: Final = sha256(b"client").hexdigest()
NEXT_KINDE_SECRET: Final = "canary-kinde-rotated-secret"
CANARIES: Final = (HEADER_SECRET, NEXT_HEADER_SECRET, KINDE_SECRET, NEXT_KINDE_SECRET)


@dataclass(frozen=True)
class Outcome:
    """What a user sees of one run."""

    code: int
    out: str


@dataclass
class Deployment:
    """One stack of a project folder, with its own state, account and stand-ins.

    In the folder: `project/` (unless another is given), `state/` (the file backend), `cloud/` (see stand_ins.py).
    """

    folder: Path
    stack: str
    project: Path
    attached: Attached
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloud = self.folder / "cloud"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "AWS_"))},
            "PULUMI_HOME": str(self.folder / "home"),
            # No metadata files: they are emptied before they are written, and reading one at that moment fails.
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DEBUG_PROVIDERS": self.attached.addresses,
            # Nothing is downloaded: neither plugins nor news of newer versions.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(PROJECT),
            **self.environment,
        }

    def command(self, *arguments: str) -> list[str]:
        """Return the wrapper's command line for this stack."""
        return [
            sys.executable,
            "-m",
            "operations",
            "deploy",
            arguments[0],
            "--stack",
            self.stack,
            "--project",
            str(self.project),
            *arguments[1:],
        ]

    def run(self, *arguments: str) -> Outcome:
        """Run the wrapper: a command and its options."""
        return self._run(self.command(*arguments), PROJECT)

    def up(self, *arguments: str) -> Outcome:
        """Apply, as CI does."""
        return self.run("up", "--yes", *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the wrapper without waiting for it, in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pulumi(self, *arguments: str) -> Outcome:
        """Run the Pulumi CLI itself."""
        return self._run(["pulumi", *arguments, "--stack", self.stack, "--non-interactive"], self.project)

    def _run(self, command: Sequence[str], folder: Path) -> Outcome:
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANGS,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    @property
    def stack_file(self) -> Path:
        """The stack's configuration."""
        return self.project / f"Pulumi.{self.stack}.yaml"

    def configure(self, **secrets: str | None) -> None:
        """Set secret configuration values (the header secrets above); None removes a key."""
        document = yaml.safe_load(self.stack_file.read_text())
        document["encryptionsalt"] = prepared().salt
        for key, value in secrets.items():
            document["config"].pop(key, None)
            if value is not None:
                document["config"][key] = {"secure": prepared().sealed[value]}
        self.stack_file.write_text(yaml.safe_dump(document))

    def set(self, key: str, value: Any) -> None:  # noqa: ANN401 - as YAML has it
        """Set a configuration value in the stack's file."""
        document = yaml.safe_load(self.stack_file.read_text())
        document["config"][key] = value
        self.stack_file.write_text(yaml.safe_dump(document))

    def kinde_secret(self, value: str) -> None:
        """Set Secrets Manager's answer for the Kinde client secret."""
        config = yaml.safe_load(self.stack_file.read_text())["config"]
        arn = (
            f"arn:aws:secretsmanager:{config['aws:region']}:{config['aws:allowedAccountIds'][0]}"
            f":secret:{config['kindeClientSecret']}"
        )
        self.cloud.mkdir(parents=True, exist_ok=True)
        (self.cloud / "secrets.json").write_text(json.dumps({arn: value}))

    def faults(self, *faults: dict[str, Any]) -> None:
        """Set the faults that happen from now on (see stand_ins.Fault), and remove all others."""
        unfinished = self.cloud / "faults.new"
        unfinished.write_text(json.dumps(faults))
        unfinished.rename(self.cloud / "faults.json")

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file of the project."""
        path = self.project / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new))

    def write_readers(self) -> None:
        """Write again who may read which secret, with the project's own command for changes of the catalogue."""
        outcome = self._run([sys.executable, "-m", "generators.expected_readers"], self.project)
        assert outcome.code == 0, outcome.out

    def write_agreement(self) -> None:
        """Agree to the stack's settings and plan, with the project's own command."""
        command = [sys.executable, "-m", "policies.inventory.agreement", "write", "--stack", self.stack, "--yes"]
        outcome = self._run(command, self.project)
        assert outcome.code == 0, outcome.out

    def journal(self) -> list[dict[str, Any]]:
        """Return the calls so far, without those of previews."""
        path = self.cloud / "journal.jsonl"
        if not path.exists():
            return []
        return [call for call in map(json.loads, path.read_text().splitlines()) if not call.get("preview")]

    def calls(self, method: str, after: int = 0) -> list[dict[str, Any]]:
        """Return the successful calls of a method, from a position in the journal on."""
        return [call for call in self.journal()[after:] if call["method"] == method and call["outcome"] == "done"]

    def changes(self, after: int) -> list[tuple[str, str]]:
        """Return what changed the account from a position in the journal on: method and type, in order."""
        changing = ("Create", "Update", "Delete")
        return [
            (call["method"], call["type"])
            for call in self.journal()[after:]
            if call["method"] in changing and call["outcome"] == "done"
        ]

    def state(self) -> dict[str, Any]:
        """Return the stack's state as the backend stores it."""
        document: dict[str, Any] = json.loads(self.state_file.read_text())["checkpoint"]["latest"]
        return document

    @property
    def state_file(self) -> Path:
        """The file with the stack's state; a file beside it, ending in `.bak`, has the state before the last write."""
        return self.folder / "state" / ".pulumi" / "stacks" / NAME / f"{self.stack}.json"

    def resources(self) -> list[dict[str, Any]]:
        """Return the provider-made resources in the state."""
        return [
            resource
            for resource in self.state().get("resources", [])
            if resource["custom"] and not resource["type"].startswith("pulumi:")
        ]

    @property
    def account(self) -> Path:
        """The folder where the stand-ins keep existing resources."""
        return self.cloud / "account"

    def account_resources(self) -> list[Resource]:
        """Return what exists in the account."""
        return list(Account(self.account))

    def existing(self) -> list[tuple[str, str]]:
        """Return what exists in the account: type and id."""
        return sorted((resource.type, resource.id) for resource in self.account_resources())


@dataclass(frozen=True)
class Prepared:
    """A backend with the stacks, still empty, and the header secrets encrypted: created once, copied often.

    `sealed` maps a header secret to its encrypted form, which the passphrase and `salt` decrypt.
    """

    state: Path
    salt: str
    sealed: Mapping[str, str]

    def deployment(self, folder: Path, stack: str, project: Path | None = None) -> Deployment:
        """Return a deployment of a stack on an empty account: of a copy of the project, or of the given folder.

        A given folder is changed: its stack file gets a header secret that can be decrypted.
        """
        project = project or copy_project(folder, stack)
        if not (project / ".venv").exists():
            (project / ".venv").symlink_to(sys.prefix)
        shutil.copytree(self.state, folder / "state")
        deployment = Deployment(folder, stack, project, attach(folder / "cloud"))
        deployment.configure(originHeaderSecret=HEADER_SECRET)
        deployment.kinde_secret(KINDE_SECRET)
        return deployment


@cache
def prepared() -> Prepared:
    """Create the stacks and encrypt the header secrets, with the CLI."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "state").mkdir()
    project = folder / "project"
    project.mkdir()
    shutil.copy(owned() / "Pulumi.yaml", project)
    deployments = [Deployment(folder, stack, project, Attached((), "")) for stack in STACKS]
    for deployment in deployments:
        made = deployment.pulumi("stack", "init", "--no-select")
        assert made.code == 0, made.out
    secrets = {f"secret{number}": value for number, value in enumerate((HEADER_SECRET, NEXT_HEADER_SECRET))}
    set_all = [text for key, value in secrets.items() for text in ("--secret", f"{NAME}:{key}={value}")]
    done = deployments[0].pulumi("config", "set-all", *set_all)
    assert done.code == 0, done.out
    document = yaml.safe_load(deployments[0].stack_file.read_text())
    sealed = {value: document["config"][f"{NAME}:{key}"]["secure"] for key, value in secrets.items()}
    return Prepared(folder / "state", document["encryptionsalt"], sealed)


@contextlib.contextmanager
def stand_ins_of_their_own(deployment: Deployment) -> Iterator[None]:
    """Serve a deployment's stand-ins from a separate process, which may die."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.engine.stand_ins", str(deployment.cloud)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        attached = deployment.environment["PULUMI_DEBUG_PROVIDERS"]
        deployment.environment["PULUMI_DEBUG_PROVIDERS"] = process.stdout.readline().strip()
        try:
            yield
        finally:
            deployment.environment["PULUMI_DEBUG_PROVIDERS"] = attached
            process.kill()
