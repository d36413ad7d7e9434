"""ECS injects into containers exactly what the catalogue says, from this account's own secrets and parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from policies.rulebook import Finding, Judgement, Part, Resource, Rules, Severity, Stack
from policies.workloads.container_definitions import containers
from policies.workloads.kinds import TASK_DEFINITION

RULES: Final = Rules()

_GUIDE: Final = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html"

_SECRET: Final = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:(?P<region>[^:]+):(?P<account>[^:]+):secret:(?P<name>[^:]+)(?::(?P<key>[^:]*)::)?"
)
_PARAMETER: Final = re.compile(r"arn:aws[a-z-]*:ssm:(?P<region>[^:]+):(?P<account>[^:]+):parameter(?P<name>/[^:]+)")

_SUFFIX: Final = re.compile("-[A-Za-z0-9]{6}")
"""The suffix that Secrets Manager adds to the name in an ARN."""

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

_OTHER_SOURCES: Final = (
    *("environmentFiles", "repositoryCredentials", "credentialSpecs"),
    "logConfiguration.secretOptions",
)
"""Properties that bring values into a container without a variable of the catalogue."""


@RULES.resource(
    "undeclared-injection",
    title="A task gets exactly the secrets and parameters that the catalogue declares for it.",
    remedy="Declare the variable in the catalogue and run `make docs`, or inject what the catalogue declares.",
    source=_GUIDE,
    severity=Severity.HIGH,
    types=TASK_DEFINITION,
    config={
        "variables": {
            "type": "object",
            "description": "Family of a task definition -> environment variable -> its source: "
            "`secret:NAME`, `secret:NAME#KEY` for a key of its JSON, or `parameter:/NAME`",
            "default": {},
        }
    },
)
def _undeclared(task: Resource, judgement: Judgement) -> Iterator[Finding]:
    declared: Mapping[str, Any] = judgement.config["variables"].get(task.text("family"), {})
    injected = set()
    for container in containers(task):
        for entry in container.parts("secrets"):
            name = entry.text("name")
            injected.add(name)
            if name not in declared:
                yield Finding(f"`{entry.path}` injects {_shown(name)}, which isn't declared for this task.")
            elif problem := _mismatch(entry, str(declared[name]), judgement):
                yield Finding(f"`{entry.place('valueFrom')}` {problem}.")
        for path in _OTHER_SOURCES:
            if container.get(path) not in (None, [], {}):
                yield Finding(f"`{container.place(path)}` brings in values that aren't declared.")
        injected -= _overridden(container)
    for name in sorted(declared.keys() - injected):
        yield Finding(f"{_shown(name)} is declared for this task, but isn't injected.")


def _overridden(container: Part) -> set[str]:
    """Return the variables that a container also sets in its environment. ECS doesn't document which value wins."""
    return {entry.text("name") for entry in container.parts("environment")}


def _mismatch(entry: Part, declared: str, judgement: Judgement) -> str:
    """Return how a reference differs from what is declared, `""` if it doesn't."""
    kind, _, wanted = declared.partition(":")
    pattern = {"secret": _SECRET, "parameter": _PARAMETER}.get(kind)
    if pattern is None:
        return "is declared as something other than a `secret:` or a `parameter:`"
    found = pattern.fullmatch(entry.text("valueFrom"))
    if not found:
        return f"isn't the full ARN of a {kind} without a version"
    for key, own in (("account", judgement.account), ("region", judgement.region)):
        if not own or found[key] != own:
            return f"is in another {key} than the stack's"
    name, _, json_key = wanted.partition("#")
    given, suffixed = found["name"], _SUFFIX.fullmatch(found["name"][-7:])
    if kind == "secret":
        if (found["key"] or "") != json_key:
            return "takes another part of the secret than declared"
        if given == name and suffixed:
            return "ends like a suffix of Secrets Manager, so ECS looks for a shorter name; add the real suffix"
        given = given[:-7] if suffixed else given
    return "" if given == name else f"is another {kind} than declared"


def _shown(name: str) -> str:
    return f"`{name}`" if _VARIABLE.fullmatch(name) else "a variable"


@RULES.stack(
    "unwired-workload",
    title="If a stack has task definitions, every workload for which the catalogue declares values has one.",
    remedy="Create the task definition, or remove the workload from the catalogue and run `make docs`.",
    source=_GUIDE,
    severity=Severity.MEDIUM,
    config={
        "families": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Families of the required task definitions",
            "default": [],
        }
    },
)
def _unwired(stack: Stack, judgement: Judgement) -> Iterable[Finding]:
    made = [task.get("family") for task in stack.only(TASK_DEFINITION)]
    for family in judgement.config["families"] if made else ():
        if made.count(family) != 1:
            how = "No" if family not in made else "More than one"
            yield Finding(f"{how} task definition of this stack has the family `{family}`.")
