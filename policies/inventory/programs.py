"""The programs of tasks and functions, with their settings apart from secrets: exactly what was agreed.

A command, an address or a switch such as `NODE_TLS_REJECT_UNAUTHORIZED` can turn a workload against its users. No rule
can tell a good one from a bad one, so owners agree to each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final

from policies.inventory.elsewhere import OWNERS
from policies.rulebook import UNKNOWN, Finding, Json, Judgement, Resource, Rule, Severity

TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
FUNCTION: Final = "aws:lambda/function:Function"
NAMES: Final[Mapping[str, str]] = {TASK: "family", FUNCTION: "name"}
"""Type of resource that runs a program -> the property with its name."""

_ELSEWHERE: Final = ("name", "image", "secrets")
"""Keys of a container that aren't compared: other rules, such as `image-without-digest`, `foreign-registry` and
`undeclared-injection`, judge image and secrets."""
_LONG: Final = 120
"""A text with more characters is agreed to by its digest."""


class _Unreadable(ValueError):
    """The program can't be read."""


def program(type_: str, properties: Mapping[str, Json]) -> dict[str, Json]:
    """Return the program of a task or function: container (or `function`) -> key -> value, without empty values.

    Environments are mappings from name to value. A text of more than 120 characters is `sha256:` and its digest.

    Raises:
        ValueError: it can't be read, or two variables have one name.
    """
    if type_ == FUNCTION:
        environment = properties.get("environment")
        variables = environment.get("variables") if isinstance(environment, Mapping) else environment
        if environment is UNKNOWN or variables is UNKNOWN:
            raise _Unreadable
        return {"function": _short({"handler": properties.get("handler"), "environment": variables})}
    text = properties.get("containerDefinitions")
    containers = json.loads(text) if isinstance(text, str) else None
    if not isinstance(containers, list) or not all(isinstance(one, dict) for one in containers):
        raise _Unreadable
    found = {
        str(one.get("name")): _short(
            {
                key: _variables(value) if key == "environment" else value
                for key, value in one.items()
                if key not in _ELSEWHERE
            }
        )
        for one in containers
    }
    if len(found) < len(containers):
        raise _Unreadable
    return found


def _variables(entries: Json) -> dict[str, Json]:
    listed = entries if isinstance(entries, list) else [entries]
    found = {
        str(entry["name"]): entry["value"]
        for entry in listed
        if isinstance(entry, Mapping) and sorted(entry) == ["name", "value"]
    }
    if len(found) < len(listed):
        raise _Unreadable
    return found


def _short(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _short(item) for key, item in sorted(value.items()) if item not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return [_short(item) for item in value]
    if isinstance(value, str) and len(value) > _LONG:
        return f"sha256:{sha256(value.encode(errors='surrogatepass')).hexdigest()}"
    return value


def programs(inputs: Iterable[tuple[str, Mapping[str, Json]]]) -> dict[str, Json]:
    """Return name -> program of the tasks and functions among resources, each given as type and properties."""
    return {str(given.get(NAMES[type_])): program(type_, given) for type_, given in inputs if type_ in NAMES}


def _unpinned(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    name = resource.text(NAMES[resource.type])
    try:
        runs = program(resource.type, resource.properties)
    except ValueError:
        yield Finding("Its program isn't known at preview, or can't be read.")
        return
    agreed = judgement.config["programs"].get(name)
    if agreed is None:
        yield Finding(f"Nobody agreed to the program of `{name}`.")
    elif places := sorted(_differing(agreed, runs)):
        yield Finding(f"These parts of `{name}` aren't as agreed: {', '.join(places)}.")


def _differing(agreed: Json, runs: Mapping[str, Json]) -> Iterator[str]:
    """Yield the keys of containers that aren't as agreed, without their values and without names that aren't agreed."""
    known = agreed if isinstance(agreed, Mapping) else {}
    for name in {*known, *runs}:
        before, now = known.get(name), runs.get(name)
        if not isinstance(before, Mapping) or not isinstance(now, Mapping):
            yield "its containers"
            continue
        for key in {*before, *now}:
            if before.get(key) != now.get(key):
                yield f"`{key}`" if key in before else "a key that isn't agreed"


RULES: Final = (
    Rule(
        id="pinned-program",
        title="Tasks and functions run only programs, with settings, that the owners agreed to.",
        remedy=f"Correct it, or have {OWNERS} change `pinned-program`: `programs`, which "
        "`python -m policies.inventory.agreement write` writes from the plan.",
        source="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html",
        severity=Severity.HIGH,
        check=_unpinned,
        types=frozenset(NAMES),
        by_agreement=True,
        config={
            "programs": {
                "type": "object",
                "description": "Family of a task definition, or name of a function -> container, or `function` -> its "
                "program and settings without image, secrets and empty values; long texts by their digest",
                "default": {},
            }
        },
    ),
)
