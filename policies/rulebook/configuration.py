"""A rule's own configuration: whether it fits the schema, and its defaults.

The engine checks a configuration file against the whole schema before it starts a pack. What is checked here is
what a rule relies on, so that a pack that is configured some other way fails closed as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from policies.rulebook.resource import Json

_TYPES: Final[Mapping[str, Callable[[Json], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, Mapping),
}


def problems(config: Mapping[str, Json], schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with a configuration: keys that the rule doesn't take, values of the wrong type."""
    for key, value in config.items():
        if key not in schemas:
            yield f"`{key}` isn't a key of this rule; accepted: {', '.join([*schemas, 'waivers'])}"
        elif not _fits(value, schemas[key]):
            yield f"`{key}` isn't what the rule takes: {_accepted(schemas[key])}"


def with_defaults(config: Mapping[str, Json], schemas: Mapping[str, Mapping[str, Any]]) -> dict[str, Json]:
    """Return a value for each key of the schema: the given one if it fits, else the default.

    One that doesn't fit is a violation by itself (see `problems`), whatever the rule then finds.
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
