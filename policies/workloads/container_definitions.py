"""Reads `containerDefinitions`, which is JSON in one text. Containers are judged only if the whole text can be read.

The provider reads the text with Go's JSON decoder, which ignores case: `Privileged` means `privileged`. So this module
accepts a name only in ECS's own spelling, and any other name makes the text unreadable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.rulebook import UNKNOWN, Json, Part, Resource

PATH: Final = "containerDefinitions"

NAMES: Final = frozenset(
    """
    add appProtocol capabilities command condition containerName containerPath containerPort containerPortRange
    cpu credentialsParameter credentialSpecs dependsOn devices disableNetworking dnsSearchDomains dnsServers
    dockerLabels dockerSecurityOptions drop enabled entryPoint environment environmentFiles essential extraHosts
    firelensConfiguration hardLimit healthCheck hostname hostPath hostPort ignoredExitCodes image
    initProcessEnabled interactive interval ipAddress links linuxParameters logConfiguration logDriver
    maxComputePercent maxSwap memory memoryReservation mountOptions mountPoints name namespace nvidiaMps options
    permissions portMappings privileged protocol pseudoTerminal readOnly readonlyRootFilesystem
    repositoryCredentials resourceRequirements restartAttemptPeriod restartPolicy retries secretOptions secrets
    sharedMemorySize sharingStrategy size softLimit sourceContainer sourceVolume startPeriod startTimeout
    stopTimeout swappiness systemControls timeout tmpfs type ulimits user value valueFrom versionConsistency
    volumesFrom workingDirectory
    """.split()
)
"""Every name of a container definition, at any depth.

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html; a test compares it with
botocore's model of ECS.
"""

_FREE: Final = frozenset(("dockerLabels", "options"))
"""Names of mappings that can have any keys."""

_OUTPUT_AS_TEXT: Final = "Calling __str__ on an Output"
"""Start of the text that an f-string makes of an Output: sdk/python/lib/pulumi/output.py of pulumi/pulumi."""


@dataclass(frozen=True)
class Containers:
    """The containers of a task definition. If they can't be read, `problem` says why and there are none."""

    parts: tuple[Part, ...] = ()
    problem: str = ""


def containers(task: Resource) -> tuple[Part, ...]:
    """Return the containers of a task definition; none if they can't be read, which `unreadable-containers` reports."""
    return task.shared(read).parts


def read(task: Resource) -> Containers:
    """Read the containers of a task definition."""
    given = task.get(PATH)
    if given is UNKNOWN:
        return Containers(problem="isn't known at preview, so the gate can't judge it")
    if not isinstance(given, str):
        return Containers(problem="is missing; the gate needs JSON text")
    try:
        document = json.loads(given, object_pairs_hook=_without_doubles, parse_constant=_refuse)
    except _Double:
        return Containers(problem="has the same name twice in one object, which readers take differently")
    except ValueError:
        return Containers(problem="isn't JSON")
    if not isinstance(document, list) or not document or not all(isinstance(item, dict) for item in document):
        return Containers(problem="isn't a list of one or more containers")
    if _OUTPUT_AS_TEXT in given:
        return Containers(problem="holds the text that formatting an Output gives, instead of the Output's value")
    if strange := next(_strange_names(document), None):
        return Containers(problem=f"has a name, at `{strange}`, that ECS doesn't know in this spelling")
    return Containers(tuple(Part(task.urn, f"{PATH}.{number}", item) for number, item in enumerate(document)))


class _Double(ValueError):
    """An object has the same name twice."""


def _without_doubles(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Double
    return found


def _refuse(constant: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(constant)


def _strange_names(value: Json, path: str = PATH) -> Iterator[str]:
    """Yield the path of each mapping with a name that ECS doesn't know. The name may be a secret, so it isn't shown."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in NAMES:
                yield path
            elif name not in _FREE:
                yield from _strange_names(item, f"{path}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _strange_names(item, f"{path}.{number}")
