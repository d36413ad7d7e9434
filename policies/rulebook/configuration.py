"""A rule's own configuration: whether it fits the schema, its defaults, and the files that give it.

The engine checks a configuration against the whole schema before it configures a pack. This module checks what a rule
relies on, so that a pack that something else configures fails closed as well.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from policies.rulebook import waivers
from policies.rulebook.resource import Json
from policies.rulebook.rule import Rule, Schemas

_LEVELS: Final = ("advisory", "mandatory", "remediate", "disabled")

_TYPES: Final[Mapping[str, Callable[[Json], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    ),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}


class BadConfiguration(Exception):
    """A configuration can't be used; the text has one line for each problem."""

    exit_code = 2


@dataclass(frozen=True)
class Configured:
    """What a file says about one rule: its enforcement level, and the properties that the rule takes."""

    level: str = "mandatory"
    properties: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path, rules: Sequence[Rule]) -> dict[str, Configured]:
    """Read the file that configures a pack, in the format of `pulumi preview --policy-pack-config`.

    That is a JSON object from rule id (or `all`, for the level of every rule) to an enforcement level, or to an object
    with `enforcementLevel` and the rule's own properties.

    Raises:
        BadConfiguration: the file can't be read, isn't such an object, or holds something that a rule doesn't accept.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if text.strip() else {}
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"{path} can't be read as JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadConfiguration(f"{path}: accepted: an object from rule id to level or configuration")
    entries = {id_: {"enforcementLevel": entry} if isinstance(entry, str) else entry for id_, entry in document.items()}
    schemas: dict[str, Schemas] = {"all": {}, **{rule.id: rule.config for rule in rules}}
    if found := [f"{path}: {id_}: {said}" for id_, entry in entries.items() for said in _faults(id_, entry, schemas)]:
        raise BadConfiguration("\n".join(found))
    every = entries.pop("all", {})
    result = {rule.id: Configured(every["enforcementLevel"]) for rule in rules if every}
    for id_, entry in entries.items():
        level = {**every, **entry}.get("enforcementLevel", Configured.level)
        result[id_] = Configured(level, {key: value for key, value in entry.items() if key != "enforcementLevel"})
    return result


def _faults(id_: str, entry: object, schemas: Mapping[str, Schemas]) -> Iterator[str]:
    """Yield what is wrong with the entry of a rule in a file."""
    if id_ not in schemas:
        near = difflib.get_close_matches(id_, schemas, 1)
        yield "there is no such rule" + (f"; did you mean `{near[0]}`?" if near else "")
    elif not isinstance(entry, dict):
        yield "accepted: an enforcement level or an object"
    elif id_ == "all" and entry.keys() != {"enforcementLevel"}:
        yield "accepted: an enforcement level, and nothing else"
    elif (level := entry.get("enforcementLevel", Configured.level)) not in _LEVELS:
        yield f"`enforcementLevel` is {level!r}; accepted: {', '.join(_LEVELS)}"
    else:
        own = {key: value for key, value in entry.items() if key not in ("enforcementLevel", "waivers")}
        yield from problems(own, schemas[id_])
        yield from waivers.parse(entry.get("waivers", []))[1]


def problems(config: Mapping[str, Json], schemas: Schemas) -> Iterator[str]:
    """Yield what is wrong with a configuration: keys that the rule doesn't take, values of the wrong type."""
    for key, value in config.items():
        if key not in schemas:
            yield f"`{key}` isn't a key of this rule; accepted: {', '.join([*schemas, 'waivers'])}"
        elif not _fits(value, schemas[key]):
            yield f"`{key}` has the wrong type; accepted: {_accepted(schemas[key])}"


def with_defaults(config: Mapping[str, Json], schemas: Schemas) -> dict[str, Json]:
    """Return a value for each key of the schemas: the given one if it fits, else the default.

    A value that doesn't fit is a violation by itself (see `problems`), whatever the rule finds with the default.
    """
    return {
        key: config[key] if key in config and _fits(config[key], schema) else schema.get("default")
        for key, schema in schemas.items()
    }


def _fits(value: Json, schema: Mapping[str, Any]) -> bool:
    if "type" in schema and not _TYPES[schema["type"]](value):
        return False
    below = schema.get("items", {})
    return not isinstance(value, list) or all(_fits(item, below) for item in value)


def _accepted(schema: Mapping[str, Any]) -> str:
    kind = schema["type"]
    return f"{kind} of {_accepted(schema['items'])}" if "type" in schema.get("items", {}) else kind
