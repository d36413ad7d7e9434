"""Reads the stack's state with the Pulumi CLI. The state may contain secrets, so nothing of it is printed."""

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
"""The CLI's time limit in seconds: it fetches the whole state from the backend."""
NO_SUCH_STACK: Final = 6
"""The CLI's exit code if the backend doesn't have the stack (sdk/go/common/util/cmdutil/exit.go)."""


class _Resource(TypedDict, total=False):
    """The part of a resource in an exported state that is read here."""

    urn: str
    type: str
    id: str
    value: str
    """Only for the marker of the park mode."""


@dataclass(frozen=True)
class EngineState:
    """The resources in a state: (type, id) of those that a provider created, and (type, name) -> URN of all.

    `park_mode` is the value of the park mode's marker, empty if it can't be read; None if there is no marker.
    """

    made: frozenset[tuple[str, str]]
    urns: Mapping[tuple[str, str], str]
    park_mode: str | None = None

    def __contains__(self, resource: object) -> bool:
        """Return whether the state has a resource, given as (type, id)."""
        return resource in self.made

    def ids(self, type_: str) -> frozenset[str]:
        """Return the ids of the resources of a type."""
        return frozenset(id_ for made, id_ in self.made if made == type_)


def load(folder: Path, stack: str, environment: Mapping[str, str] | None = None) -> EngineState:
    """Ask the Pulumi CLI for a stack's state; a stack that the backend doesn't have is empty.

    The CLI gets the shell's environment, the stack's backend, and the variables in `environment`.

    Raises:
        Failure: there is no CLI, or it can't export the state. The message continues a sentence after "not checked: ".
    """
    if not shutil.which(PULUMI):
        raise Failure(f"`{PULUMI}` isn't on the path")
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
        raise Failure(f"`{PULUMI} stack export --stack {stack}` exited with {done.returncode}; run it to see why")
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
    """Explain how to take over a resource that exists but isn't in the state.

    Args:
        state: The state.
        resource: Type token, name in the program, and the provider's id.
        parent: Type token and name of the component that it belongs to.
        stack: The stack's name.
    """
    fault = "exists, but isn't in the stack's state, so `up` would fail"
    urn = state.urns.get(parent)
    if urn is None:
        return f"{fault}; run `make up STACK={stack}`, which creates its parent component, then this check again"
    line = f"pulumi import {' '.join(resource)} --parent '{urn}' --generate-code=false --stack {stack}"
    return f"{fault}; take it over: `{line}`"
