"""Reads GitHub's workflows for tests: jobs, the roles that they assume, and the claims of their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from corpus.families import read
from tests.planning import PROJECT

FOLDER: Final = PROJECT / ".github" / "workflows"
REPOSITORY: Final = "somebody/platform"
ISSUER: Final = "token.actions.githubusercontent.com"


@dataclass(frozen=True)
class Job:
    """One job of a workflow."""

    workflow: str
    name: str
    definition: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.workflow}-{self.name}"

    @property
    def permissions(self) -> dict[str, str]:
        given: dict[str, str] = self.definition["permissions"]
        return given

    @property
    def steps(self) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = self.definition["steps"]
        return steps

    @property
    def commands(self) -> list[str]:
        """The lines of the job's shell scripts."""
        return [line.strip() for step in self.steps if "run" in step for line in step["run"].splitlines()]

    @property
    def roles(self) -> list[str]:
        """The last parts of the names of the roles that it assumes, in order."""
        return [line.split()[2] for line in self.commands if line.startswith(".ci/role ")]

    @property
    def role(self) -> str:
        """The first of these roles, or an empty text."""
        return next(iter(self.roles), "")

    def token(self, stack: str) -> dict[str, str]:
        """The claims of its token (https://docs.github.com/en/actions/reference/security/oidc)."""
        on_request = self.workflow == "pull-request"
        ref = "refs/pull/7/merge" if on_request else "refs/heads/main"
        about = f"environment:{stack}" if "environment" in self.definition else f"ref:{ref}"
        if on_request and "environment" not in self.definition:
            about = "pull_request"
        return token(about, ref)


def token(about: str, ref: str, repository: str = REPOSITORY) -> dict[str, str]:
    """The claims of a token, given what its subject says after the repository."""
    return {"aud": "sts.amazonaws.com", "sub": f"repo:{repository}:{about}", "ref": ref}


def documents() -> dict[str, dict[str, Any]]:
    """Name of each workflow -> its content. YAML 1.1 reads the key `on` as true."""
    return {file.stem: read(file) for file in sorted(FOLDER.glob("*.yml"))}


def jobs() -> Iterator[Job]:
    for workflow, document in documents().items():
        for name, definition in document["jobs"].items():
            yield Job(workflow, name, definition)
