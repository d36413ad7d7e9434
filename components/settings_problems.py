"""Words for problems with the configuration: the key, what is wrong, and what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final, Literal, get_args, get_origin

from pydantic import AfterValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from components.settings_shapes import HEADER_SECRET_SHAPE, SecretText, Shape

Fields = Mapping[str, FieldInfo]
"""Key -> field of the settings."""


class ConfigurationError(Exception):
    """The stack's configuration can't be used. The text lists every problem; `problems` holds them one by one."""

    exit_code = 2

    def __init__(self, stack: str, problems: list[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        listing = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(
            f"The configuration of stack `{stack}` has {count}:\n{listing}\n"
            f"Set values with `pulumi config set KEY VALUE --stack {stack}` or in Pulumi.{stack}.yaml; "
            "Pulumi.yaml describes every key."
        )
        self.problems = problems


def unknown_key(key: str, keys: Iterable[str]) -> str:
    """Describe a key that doesn't exist, and name the most similar key, or else all of them."""
    known = sorted(keys)
    nearest = get_close_matches(key, known, n=1)
    return f"{key}: no such key; " + (f"the nearest is {nearest[0]}" if nearest else f"accepted: {', '.join(known)}")


def refused_values(error: ValidationError, fields: Fields) -> list[str]:
    """Describe each value that pydantic refuses, and each key that is missing."""
    problems = []
    for detail in error.errors(include_url=False):
        key, *steps = detail["loc"]
        location = f"{key}" + "".join(f"[{step}]" for step in steps)
        problems.append(f"{location}: {_WORDING.get(detail['type'], _own_wording)(detail, fields[str(key)])}")
    return problems


def missing_key(key: str, fields: Fields) -> str:
    """Describe a key that is missing."""
    return f"{key}: is missing; accepted: {_accepted(fields[key])}"


def is_sequence(field: FieldInfo) -> bool:
    """Tell whether a field holds several values."""
    return get_origin(field.annotation) is tuple


def is_structured(field: FieldInfo) -> bool:
    """Tell whether a field's value is a list or mapping rather than a single text."""
    return is_sequence(field) or get_origin(field.annotation) is dict


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a field's value must never be shown."""
    return SecretText in _types(field.annotation)


def _types(annotation: object) -> Iterator[object]:
    """Yield a type and all its parts."""
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _accepted(field: FieldInfo) -> str:
    """Describe what a field accepts, from its type and shapes."""
    validators = [*field.metadata, *_types(field.annotation)]
    shapes = [
        validator.func.accepted
        for validator in validators
        if isinstance(validator, AfterValidator) and isinstance(validator.func, Shape)
    ]
    if shapes:
        return "; ".join(shapes)
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    plain: Mapping[object, str] = {
        bool: "true or false",
        int: "a whole number",
        dict: "a mapping",
        SecretText: HEADER_SECRET_SHAPE.accepted,
    }
    return plain[get_origin(field.annotation) or field.annotation]


_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?|-?Infinity")
QUOTES: Final = "YAML takes digits without quotes for a number and may change them: write the value in quotes"


def _shown(detail: ErrorDetails, field: FieldInfo) -> str:
    return "the value" if is_secret(field) else f"`{detail['input']}`"


def _refused_by_validator(detail: ErrorDetails, field: FieldInfo) -> str:
    value = detail["input"]
    unquoted = str in _types(field.annotation) and isinstance(value, str) and _NUMBER.fullmatch(value)
    quotes = f"; {QUOTES}" if unquoted else ""
    return f"{_shown(detail, field)} won't do; {detail['ctx']['error']}{quotes}"


def _own_wording(detail: ErrorDetails, field: FieldInfo) -> str:
    """Return pydantic's own words, as part of a sentence."""
    return f"{_shown(detail, field)}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


_WORDING: Final[Mapping[str, Callable[[ErrorDetails, FieldInfo], str]]] = {
    "missing": lambda _, field: f"is missing; accepted: {_accepted(field)}",
    "value_error": _refused_by_validator,
    "string_type": lambda detail, field: f"{_shown(detail, field)} isn't text; accepted: {_accepted(field)}; {QUOTES}",
    "dict_type": lambda detail, field: f"is {_shown(detail, field)}; accepted: a mapping",
    "tuple_type": lambda detail, field: f"is {_shown(detail, field)}; accepted: a list",
    "literal_error": lambda detail, field: f"{_shown(detail, field)} won't do; accepted: {_accepted(field)}",
    "bool_parsing": lambda detail, field: f"{_shown(detail, field)} won't do; accepted: {_accepted(field)}",
    "int_parsing": lambda detail, field: f"{_shown(detail, field)} won't do; accepted: {_accepted(field)}",
}
"""Kind of error (https://docs.pydantic.dev/latest/errors/validation_errors/) -> its description."""
