"""A pack's configuration: what the rules take, what a file gives, and whether the two fit.

The format is that of `pulumi preview --policy-pack-config`: a JSON object from rule id (or `all`) to an
enforcement level, or to an object with `enforcementLevel` and the rule's own properties. The order of
precedence is the engine's (pkg/resource/analyzer/config.go). Stricter than the engine: a rule id that the
pack doesn't have is an error, for it would silently configure nothing.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rehearsal.failures import BadConfiguration
from rehearsal.properties import Json

LEVELS: Final = ("advisory", "mandatory", "remediate", "disabled")


@dataclass(frozen=True)
class PolicyInfo:
    """What a pack says about one of its rules: default level, severity, and the schema of its properties."""

    level: str
    severity: str
    properties: Mapping[str, Any]
    required: tuple[str, ...]


@dataclass(frozen=True)
class PolicyConfig:
    """The configuration of one rule; an empty level leaves the level as it is."""

    level: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


def reconcile(
    policies: Mapping[str, PolicyInfo], initial: Mapping[str, PolicyConfig], path: Path | None
) -> tuple[dict[str, PolicyConfig], list[str]]:
    """Return the configuration of every rule, and the problems of what was given.

    Defaults of the schema come first, then what the pack itself sets (`initial`), then the file.

    Raises:
        BadConfiguration: the file can't be read or isn't a JSON object.
    """
    given, problems = read(path) if path else ({}, [])
    for name in given:
        if name != "all" and name not in policies:
            near = difflib.get_close_matches(name, policies, 1)
            problems.append(f"there is no rule `{name}`" + (f"; did you mean `{near[0]}`?" if near else ""))
    result: dict[str, PolicyConfig] = {}
    for name, policy in policies.items():
        level = policy.level
        properties = {
            key: schema["default"]
            for key, schema in policy.properties.items()
            if isinstance(schema, Mapping) and "default" in schema
        }
        for layer in (initial, given):
            own = layer.get(name, PolicyConfig())
            level = own.level or layer.get("all", PolicyConfig()).level or level
            properties |= own.properties
        result[name] = PolicyConfig(level, properties)
        schema = {"type": "object", "properties": policy.properties, "required": policy.required}
        if name in given or name in initial or policy.required:
            problems += [f"{name}: {problem}" for problem in check(properties, schema)]
    return result, problems


def read(path: Path) -> tuple[dict[str, PolicyConfig], list[str]]:
    """Read a policy configuration file: rule id to configuration, and the problems found.

    Raises:
        BadConfiguration: it can't be read or isn't a JSON object.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if text.strip() else {}
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadConfiguration(f"{path} isn't JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadConfiguration(f"{path}: accepted: an object from rule id to level or configuration")
    result: dict[str, PolicyConfig] = {}
    problems: list[str] = []
    for name, entry in document.items():
        value = {"enforcementLevel": entry} if isinstance(entry, str) else entry
        if not isinstance(value, dict):
            problems.append(f"{name}: accepted: an enforcement level or an object")
            continue
        level = value.pop("enforcementLevel", "")
        if level and level not in LEVELS:
            problems.append(f"{name}: `enforcementLevel` is {level!r}; accepted: {', '.join(LEVELS)}")
            continue
        result[name] = PolicyConfig(level, value)
    return result, problems


_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
}


def _is_date(text: str) -> bool:
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


_LIMITS: Final[Mapping[str, tuple[str, Callable[[Any, Any], bool], str]]] = {
    "enum": ("", lambda value, limit: value in limit, "must be one of {}"),
    "const": ("", lambda value, limit: bool(value == limit), "must be {}"),
    "minLength": ("string", lambda value, limit: len(value) >= limit, "needs {} characters or more"),
    "maxLength": ("string", lambda value, limit: len(value) <= limit, "takes {} characters at most"),
    "pattern": ("string", lambda value, limit: bool(re.search(limit, value)), "must match {}"),
    "format": ("string", lambda value, limit: limit != "date" or _is_date(value), "must be a {}, YYYY-MM-DD"),
    "minimum": ("number", lambda value, limit: bool(value >= limit), "must be {} or more"),
    "maximum": ("number", lambda value, limit: bool(value <= limit), "must be {} or less"),
    "minItems": ("array", lambda value, limit: len(value) >= limit, "needs {} items or more"),
    "maxItems": ("array", lambda value, limit: len(value) <= limit, "takes {} items at most"),
    "uniqueItems": (
        "array",
        lambda value, limit: not limit or len({json.dumps(item, sort_keys=True) for item in value}) == len(value),
        "must not repeat an item",
    ),
}
"""Keyword of JSON schema -> type that it limits, test, what to say."""

_STRUCTURE: Final = frozenset({"type", "properties", "required", "additionalProperties", "items"})
_NOTES: Final = frozenset({"description", "default", "title", "examples"})


def check(value: Json, schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield what is wrong with a value under a JSON schema.

    Takes the keywords that the packs use; one that it can't check is itself a problem, not a pass.
    """
    here = f"`{path}` " if path else ""
    if unknown := set(schema) - _STRUCTURE - _NOTES - set(_LIMITS):
        yield f"{here}has a schema with {', '.join(sorted(unknown))}, which a rehearsal can't check"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_TYPES[type_](value) for type_ in types):
        yield f"{here}must be of type {' or '.join(types)}"
        return
    for keyword, (type_, fits, message) in _LIMITS.items():
        if keyword in schema and (not type_ or _TYPES[type_](value)) and not fits(value, schema[keyword]):
            yield here + message.format(schema[keyword])
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        for key in schema.get("required", ()):
            if key not in value:
                yield f"{here}lacks `{key}`"
        for key, item in value.items():
            below = properties.get(key, schema.get("additionalProperties", {}))
            if below is False:
                yield f"{here}has the unknown key `{key}`; accepted: {', '.join(properties)}"
            elif isinstance(below, Mapping):
                yield from check(item, below, f"{path}.{key}" if path else key)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, item in enumerate(value):
            yield from check(item, schema["items"], f"{path}[{index}]")
