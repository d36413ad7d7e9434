"""A pack's configuration: which options the rules have, what a file sets, and whether the two fit.

The format is that of `pulumi preview --policy-pack-config`: a JSON object from rule id (or `all`) to an enforcement
level, or to an object with `enforcementLevel` and the rule's own properties. The order of precedence is the engine's
(pkg/resource/analyzer/config.go of pulumi/pulumi). Two checks are stricter than the engine's: they refuse a rule id
that the pack doesn't have, and a schema with a keyword that nothing checks. Either would silently have no effect.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stackfiles.failures import BadConfiguration
from stackfiles.json_type import Json

if TYPE_CHECKING:
    from jsonschema import ValidationError

LEVELS: Final = ("advisory", "mandatory", "remediate", "disabled")


@dataclass(frozen=True)
class PolicyInfo:
    """A pack's information about one of its rules: default level, severity, and the JSON schema of its properties."""

    level: str
    severity: str
    properties: Mapping[str, Json]
    required: tuple[str, ...]


@dataclass(frozen=True)
class PolicyConfig:
    """The configuration of one rule; an empty level keeps the rule's level."""

    level: str = ""
    properties: Mapping[str, Json] = field(default_factory=dict)


def reconcile(
    policies: Mapping[str, PolicyInfo], initial: Mapping[str, PolicyConfig], path: Path | None
) -> tuple[dict[str, PolicyConfig], list[str]]:
    """Return the configuration of every rule, and the problems of the file.

    The pack's own values (`initial`) override the schema's defaults, and the file overrides both.

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
            if isinstance(schema, dict) and "default" in schema
        }
        for layer in (initial, given):
            own = layer.get(name, PolicyConfig())
            level = own.level or layer.get("all", PolicyConfig()).level or level
            properties |= own.properties
        result[name] = PolicyConfig(level, properties)
        if name in given or name in initial or policy.required:
            schema = {"type": "object", "properties": policy.properties, "required": policy.required}
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


def check(value: object, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a value under a JSON schema (draft 7), or else with the schema itself."""
    # Imported here because loading takes a tenth of a second, which a pack without configuration doesn't need to spend.
    from jsonschema import Draft7Validator

    formats = Draft7Validator.FORMAT_CHECKER
    known = Draft7Validator.META_SCHEMA
    # The meta-schema refers to itself at every depth, so these two lines apply at every depth too.
    strict = {
        **{key: item for key, item in known.items() if key != "$id"},
        "properties": {**known["properties"], "format": {"enum": sorted(formats.checkers)}},
        "additionalProperties": False,
    }
    # The library accepts only lists and dictionaries, no other sequences and mappings.
    schema = json.loads(json.dumps(schema, default=dict))
    faults = [f"has a schema that can't be checked: {_problem(error)}" for error in _errors(strict, schema)]
    if faults:
        yield from faults
    else:
        yield from map(_problem, _errors(schema, value))


def _errors(schema: Mapping[str, Any], value: object) -> list[ValidationError]:
    from jsonschema import Draft7Validator

    validator = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    return sorted(validator.iter_errors(value), key=lambda error: error.json_path)


_WORDINGS: Final[Mapping[str, str]] = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "const": "must be {}",
    "minLength": "must have {} or more characters",
    "maxLength": "must have {} or fewer characters",
    "pattern": "must match {}",
    "format": "must be a valid {}",
    "minimum": "must be {} or more",
    "maximum": "must be {} or less",
    "minItems": "must have {} or more items",
    "maxItems": "must have {} or fewer items",
    "uniqueItems": "must not repeat an item",
}
"""Keyword of JSON schema -> message; for other keywords, the library's own message is shown."""


def _problem(error: ValidationError) -> str:
    where = error.json_path.removeprefix("$").removeprefix(".")
    keyword, limit = str(error.validator), error.validator_value
    if keyword in _WORDINGS:
        text = _WORDINGS[keyword].format(" or ".join(limit) if keyword == "type" and isinstance(limit, list) else limit)
    elif keyword == "additionalProperties":
        accepted = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        text = f"{error.message}; accepted: {', '.join(accepted)}"
    else:
        text = error.message
    return f"`{where}` {text}" if where else text
