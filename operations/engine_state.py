"""What the stack's state has, as the Pulumi CLI tells it. The state may hold secrets: nothing of it is printed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from components.parameter_catalogue import PARK_MODE
from operations import state_backend
from operations.pulumi_cli import PULUMI
from stackfiles.failures import Failure

_PARAMETER: Final = "aws:ssm/parameter:Parameter"

_SECONDS: Final = 60
"""How long the CLI may take: it asks the backend for the whole state."""
NO_SUCH_STACK: Final = 6
"""The CLI's exit code where the backend doesn't have the stack (sdk/go/common/util/cmdutil/exit.go)."""


class _Resource(TypedDict, total=False):
    """A resource of an exported state, as far as it is read here."""

    urn: str
    type: str
    id: str
    value: str
    """Of the marker of park mode, and of nothing else."""


@dataclass(frozen=True)
class EngineState:
    """The resources in a state: (type, id) of those that a provider made, and (type, name) -> URN of all.

    `park_mode` is what the marker of park mode says, empty where that can't be read; None where there is no marker.
    """

    made: frozenset[tuple[str, str]]
    urns: Mapping[tuple[str, str], str]
    park_mode: str | None = None

    def __contains__(self, resource: object) -> bool:
        """Tell whether the state has a resource, given as (type, id)."""
        return resource in self.made

    def ids(self, type_: str) -> frozenset[str]:
        """Return the ids of the resources of a type."""
        return frozenset(id_ for made, id_ in self.made if made == type_)


def load(folder: Path, stack: str, environment: Mapping[str, str] | None = None) -> EngineState:
    """Ask the Pulumi CLI for a stack's state; a stack that the backend doesn't have is empty.

    `environment` is what the CLI gets beside the shell's and the backend of the stack.

    Raises:
        Failure: there is no CLI, or it can't export the state. The text goes on from "not checked: ".
    """
    if not shutil.which(PULUMI):
        raise Failure(f"there is no `{PULUMI}` on the path")
    command = [PULUMI, "stack", "export", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(  # noqa: S603 - the CLI, with the stack's name
            command,
            cwd=folder,
            env={**os.environ, **state_backend.environment(folder, stack), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode == NO_SUCH_STACK:
            return EngineState(frozenset(), {})
        resources = _read_resources(json.loads(done.stdout)) if done.returncode == 0 else None
    except subprocess.TimeoutExpired:
        raise Failure(f"`{PULUMI} stack export` took over {_SECONDS} seconds") from None
    except (OSError, ValueError) as error:
        raise Failure(f"`{PULUMI} stack export` can't be read ({type(error).__name__})") from None
    if resources is None:
        raise Failure(f"`{PULUMI} stack export --stack {stack}` ends with {done.returncode}; run it to see why")
    return EngineState(
        frozenset(
            (resource["type"], resource["id"])
            for resource in resources
            if "id" in resource and not resource["type"].startswith("pulumi:")  # providers and the stack itself
        ),
        {(resource["type"], resource["urn"].rpartition("::")[2]): resource["urn"] for resource in resources},
        next((resource["value"] for resource in resources if "value" in resource), None),
    )


def _read_resources(document: object) -> list[_Resource]:
    """Return the resources of an exported state.

    Raises:
        ValueError: the document isn't one.
    """
    deployment = document.get("deployment") if isinstance(document, dict) else None
    resources = deployment.get("resources") or [] if isinstance(deployment, dict) else None
    if not isinstance(resources, list):
        raise ValueError("no deployment")
    return [
        _read_resource(resource)
        for resource in resources
        if isinstance(resource, dict) and {"urn", "type"} <= resource.keys()
    ]


def _read_resource(resource: Mapping[str, object]) -> _Resource:
    read: _Resource = {"urn": str(resource["urn"]), "type": str(resource["type"])}
    if "id" in resource:
        read["id"] = str(resource["id"])
    if read["type"] == _PARAMETER and read["urn"].endswith(f"::{PARK_MODE.path}"):
        inputs = resource.get("inputs")
        value = inputs.get("insecureValue") if isinstance(inputs, dict) else None
        read["value"] = value if isinstance(value, str) else ""
    return read


def explain_import(state: EngineState, resource: tuple[str, str, str], parent: tuple[str, str], stack: str) -> str:
    """Say how to take over a resource that exists and isn't in the state.

    Args:
        state: The state.
        resource: Type token, name in the program, and the id that the provider knows it by.
        parent: Type token and name of the component that it belongs to.
        stack: The stack's name.
    """
    fault = "exists, but isn't in the stack's state, so `up` would fail at it"
    urn = state.urns.get(parent)
    if urn is None:
        return f"{fault}; run `make up STACK={stack}`, which makes what it belongs to, then this check again"
    line = f"pulumi import {' '.join(resource)} --parent '{urn}' --generate-code=false --stack {stack}"
    return f"{fault}; take it over: `{line}`"
