"""The environment of containers and functions holds nothing that is, or looks like, a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Json, Judgement, Resource, Rules, SecretText, Severity
from policies.workloads.container_definitions import PATH, containers
from policies.workloads.kinds import FUNCTION, TASK_DEFINITION

RULES: Final = Rules()

_NAME: Final = re.compile(
    "secret|token(?!s)|passw|passphrase|credential|(private|api|access|signing|encryption)[-_]?key|auth[-_]?string",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile("(arn|id|name|path|file|parameter)$", re.IGNORECASE)
"""End of a variable's name that says where a secret is, not what it is."""

_VALUE: Final = re.compile(
    r"""
    ://[^/\s:@]*:[^/\s@]+@                                  # user and password in a URL
    | \b(AKIA|ASIA)[A-Z0-9]{16}\b                           # access key of AWS
    | \b(gh[pousr]_|github_pat_|CCIPAT_|CCIPRJ_|xox[abpr]-|pul-[0-9a-f]{20}|sk_live_)
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | \beyJ[A-Za-z0-9_-]{8,}\.eyJ                           # JSON Web Token
    | ["'](password|passwd|secret|token|api_?key)["']\s*:   # within JSON
    """,
    re.VERBOSE | re.IGNORECASE,
)


@RULES.resource(
    "secret-in-environment",
    title="No secret is in the environment, the command or the labels of a container or function.",
    remedy="Inject it with `secrets` (containers), or have the code read it when it runs (functions).",
    source="https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html#ecs-8",
    severity=Severity.CRITICAL,
    types=TASK_DEFINITION | FUNCTION,
)
def _secret_in_environment(resource: Resource, _: Judgement) -> Iterator[Finding]:
    if isinstance(resource.get(PATH), SecretText):
        yield Finding(f"`{PATH}` is a Pulumi secret, so a secret value is part of it.")
    for place, name, value in _variables(resource):
        if isinstance(value, SecretText) or not isinstance(value, str):
            yield Finding(f"`{place}` is a Pulumi secret, or isn't a text that is known at preview.")
        elif _NAME.search(name) and not _REFERENCE.search(name):
            yield Finding(f"The name of `{place}` says that its value is secret.")
        elif _VALUE.search(value):
            yield Finding(f"`{place}` looks like a secret.")
    for place, text in _other_texts(resource):
        if _VALUE.search(text):
            yield Finding(f"`{place}` looks like a secret.")


def _variables(resource: Resource) -> Iterator[tuple[str, str, Json]]:
    """Yield the path of each variable, its name and its value.

    Raises:
        Unjudgeable: the variables can't be read.
    """
    if resource.type in FUNCTION:
        for number, (name, value) in enumerate(resource.mapping("environment.variables").items()):
            yield f"environment.variables[{number}]", name, value
        return
    for container in containers(resource):
        for entry in container.parts("environment"):
            yield entry.path, entry.text("name"), entry.text("value")


def _other_texts(resource: Resource) -> Iterator[tuple[str, str]]:
    for container in containers(resource) if resource.type in TASK_DEFINITION else ():
        for path in ("command", "entryPoint", "healthCheck.command"):
            for number, text in enumerate(container.texts(path)):
                yield container.place(f"{path}.{number}"), text
        for path in ("dockerLabels", "logConfiguration.options"):
            for value in container.mapping(path).values():
                yield container.place(path), value if isinstance(value, str) else ""
