"""Creates the stack in the state's bucket with the Pulumi CLI, and writes its settings into the stack's file."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from components.settings_shapes import HEADER_SECRET_SHAPE
from operations.engine_state import NO_SUCH_STACK
from operations.pulumi_cli import PULUMI
from operations.state_backend import BACKEND
from operations.verdicts import Check, Verdict
from stackfiles import yaml_file
from stackfiles.failures import Failure

STAND_IN: Final = "v1:EXAMPLE:EXAMPLE"
"""The placeholder for an encrypted value in a new stack's file; no key decrypts it."""
_HEADER_SECRET: Final = "originHeaderSecret"
_SECONDS: Final = 120
"""The time limit of one CLI command, which makes about twenty calls to S3 and KMS."""


def provider_url(key_arn: str, region: str) -> str:
    """Return the URL of a key as the CLI's secrets provider.

    Source: https://www.pulumi.com/docs/iac/concepts/secrets/#aws-key-management-service-kms
    """
    return f"awskms:///{key_arn}?region={region}"


@dataclass(frozen=True)
class StateStack:
    """A stack whose state is stored in `backend`. A dry run doesn't start the CLI."""

    folder: Path
    project: str
    stack: str
    backend: str
    dry_run: bool

    @property
    def file(self) -> Path:
        """The stack's file."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    def set_up(self, provider: str) -> Verdict:
        """Create the stack with a secrets provider, unless it exists.

        Raises:
            Failure: the CLI failed.
        """
        check = Check("stack", f"stack {self.stack}")
        document = yaml_file.read(self.file)
        given = document.get("secretsprovider", "")
        if document.get("encryptionsalt"):
            return check.failed(
                f"{self.file.name}: a passphrase encrypts its secrets (`encryptionsalt`), so its state is elsewhere; "
                f'run `pulumi stack change-secrets-provider "{provider}"` there, then move it (docs/state-backend.md)'
            )
        if self.dry_run:
            return check.passed("has its secrets provider") if given else check.undecided("would be created")
        exported = self._pulumi("stack", "export", accepted=NO_SUCH_STACK)
        if exported.returncode == NO_SUCH_STACK:
            self._pulumi("stack", "init", "--secrets-provider", provider, "--no-select")
            return check.passed("created, with the key for its secrets")
        if given == provider:
            return check.passed("exists, with the key for its secrets")
        if given:
            return check.failed(
                f"{self.file.name} has another secrets provider, {given}; accepted: {provider} "
                "(`pulumi stack change-secrets-provider` changes it)"
            )
        if _resources(exported.stdout):
            return check.failed(
                f"exists and has resources, but {self.file.name} lacks `secretsprovider` and `encryptedkey`: get them "
                "from the person who created the stack"
            )
        # An `init` was interrupted. The stack that it created is empty.
        self._pulumi("stack", "rm", "--yes", "--preserve-config")
        self._pulumi("stack", "init", "--secrets-provider", provider, "--no-select")
        return check.passed("was incomplete; created again")

    def set_settings(self, key: str, subject: str, **wanted: str) -> Verdict:
        """Write settings into the stack's file, all at once.

        Raises:
            Failure: the CLI failed.
        """
        check = Check(key, subject)
        given = {name: self._setting(name) for name in wanted}
        if given == wanted:
            return check.passed("yes")
        if self.dry_run:
            return check.undecided("would be set")
        pairs = [text for name, value in wanted.items() for text in ("--plaintext", f"{name}={value}")]
        self._pulumi("config", "set-all", *pairs)
        return check.passed("set")

    def set_header_secret(self) -> Verdict:
        """Generate the header secret if the stack's file has none; otherwise check that it can be decrypted.

        The value goes through a pipe to the CLI, and the CLI's output isn't shown.

        Raises:
            Failure: the CLI failed.
        """
        check = Check("header-secret", "header secret")
        given = self._setting(_HEADER_SECRET)
        new = given in (None, {"secure": STAND_IN})
        if self.dry_run:
            return check.undecided("would be generated") if new else check.passed("set")
        if new:
            self._pulumi("config", "set", "--secret", _HEADER_SECRET, typed=token_hex(32))
            return check.passed("generated")
        opened = self._pulumi("config", "get", _HEADER_SECRET, accepted=1)
        if re.fullmatch(HEADER_SECRET_SHAPE.pattern, opened.stdout.strip()):
            return check.passed("set, and the key decrypts it")
        return check.failed(
            f"the key doesn't decrypt it, or it isn't {HEADER_SECRET_SHAPE.accepted}; to set a new one: "
            f"`openssl rand -hex 32 | pulumi config set --secret {_HEADER_SECRET} --stack {self.stack}`"
        )

    def _setting(self, name: str) -> Any:  # noqa: ANN401 - as YAML has it
        config = yaml_file.read(self.file).get("config") or {}
        return config.get(f"{self.project}:{name}", config.get(name))

    def _pulumi(self, *words: str, typed: str = "", accepted: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of the CLI on the stack.

        Raises:
            Failure: its exit code is neither 0 nor the accepted one, or it doesn't end.
        """
        name = f"`{PULUMI} {words[0]} {words[1]}`"
        try:
            done = subprocess.run(  # noqa: S603 - the CLI, with names of this project
                [PULUMI, *words, "--stack", self.stack, "--non-interactive"],
                cwd=self.folder,
                env={**os.environ, BACKEND: self.backend},
                input=typed,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failure(f"{name} took over {_SECONDS} seconds; run this again to continue") from None
        if done.returncode not in (0, accepted):
            said = next((line for line in done.stderr.splitlines() if line.startswith("error: ")), "")
            told = f": {said.removeprefix('error: ')}" if said and not typed else ""
            raise Failure(f"{name} exited with {done.returncode}{told}; run this again to continue")
        return done


def _resources(exported: str) -> list[Any]:
    """Return the resources in an exported state."""
    deployment = json.loads(exported).get("deployment") or {}
    found: list[Any] = deployment.get("resources") or []
    return found
