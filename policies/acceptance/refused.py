"""Checks every known value of a resource against what AWS and Cloudflare accept: kind, size, options and pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from policies.acceptance import knowledge
from policies.acceptance.knowledge import Accepted
from policies.acceptance.knowledge.expressions import compiled
from policies.rulebook import (
    MAY_BE_UNKNOWN,
    UNKNOWN,
    Finding,
    Json,
    Judgement,
    Resource,
    Rule,
    SecretText,
    Severity,
)

MUST_BE_KNOWN: Final = frozenset({"name", "namePrefix", "description", "comment", "path"})
"""Texts that must be known at preview, as must numbers, booleans, blocks, and texts with a list of options.

Any other text, or list of such texts, refers to another resource or is data, so it may be unknown. `MAY_BE_UNKNOWN` of
the rulebook lists the exceptions, for some types.
"""

_SECRET: Final = re.compile(r"secret|password|token|credential|privatekey|value|customheaders|body", re.IGNORECASE)
"""Properties whose values are never shown, whether they are marked as secret or not."""

_SHOWN: Final = 60
"""How many characters of a value a message shows."""


def _refused(provider: str, resource: Resource, _: Judgement) -> Iterator[Finding]:
    if not resource.type.startswith(f"{provider}:"):
        return
    accepted = knowledge.accepted(resource.type)
    if accepted is None:
        yield Finding(f"The index of accepted values doesn't have the type {resource.type}.")
        return
    for problem in _object(resource, accepted, resource.properties, ""):
        yield Finding(problem)


def _object(resource: Resource, accepted: Accepted, value: Mapping[str, Json], path: str) -> Iterator[str]:
    for key, kind in accepted.demanded.items():
        if value.get(key) is None or (kind == "list" and value[key] == []):
            yield f"`{f'{path}.{key}' if path else key}` is missing or empty; the provider requires it."
    for key, item in value.items():
        # Such keys are the engine's own (`__defaults`).
        if not key.startswith("__") and (below := accepted.member(key)):
            yield from _value(resource, below, item, f"{path}.{key}" if path else key)


def _value(resource: Resource, accepted: Accepted, value: Json, path: str) -> Iterator[str]:
    if value is None or accepted.kind == "any":
        return
    if value is UNKNOWN:
        if not _may_wait(resource.type, accepted, path):
            yield f"`{path}` isn't known at preview, so it can't be checked."
        return
    fits, read = _KINDS[accepted.kind]
    if not fits(value):
        yield f"`{path}` isn't {read}."
        return
    if value in ("", [], {}) and not accepted.required:
        return  # the provider doesn't send it
    content: Any = value  # it has the accepted kind
    if problem := _problem(accepted, content):
        named_source = source(resource.type, accepted)
        yield f"`{path}`{_shown(value, path)} {problem}; accepted: {described(accepted)} ({named_source})."
    if accepted.kind == "object":
        yield from _object(resource, accepted, content, path)
    elif (element := accepted.element()) and accepted.kind == "list":
        for index, item in enumerate(content):
            yield from _value(resource, element, item, f"{path}.{index}")
    elif element:
        for key, item in content.items():
            if keys := accepted.key():
                yield from _value(resource, keys, key, f"{path}.{_cut(key)}")
            yield from _value(resource, element, item, f"{path}.{_cut(key)}")


def _may_wait(type_: str, accepted: Accepted, path: str) -> bool:
    steps = [step for step in path.split(".") if not step.isdecimal()]
    if steps[0] in MAY_BE_UNKNOWN.get(type_, ()):
        return True
    element = accepted.element() if accepted.kind in ("list", "map") else accepted
    if element is None or element.kind != "text" or element.options:
        return False
    return steps[-1] not in MUST_BE_KNOWN


def _number(value: Json) -> bool:
    if isinstance(value, str):
        return bool(re.fullmatch(r"-?\d+(\.\d+)?", value))  # the bridge to Terraform reads it as a number
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: Final[Mapping[str, tuple[Any, str]]] = {
    "text": (lambda value: isinstance(value, str | int | float), "a text"),
    "integer": (lambda value: _number(value) and float(value).is_integer(), "a whole number"),
    "number": (_number, "a number"),
    "flag": (lambda value: isinstance(value, bool) or value in ("true", "false"), "true or false"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "map": (lambda value: isinstance(value, Mapping), "a mapping"),
    "object": (lambda value: isinstance(value, Mapping), "a mapping"),
}


def _problem(accepted: Accepted, value: Any) -> str:  # noqa: ANN401 - `_KINDS` has checked its kind
    """Return what is wrong with a value of the right kind, empty if nothing is."""
    if accepted.kind in ("integer", "number"):
        number = float(value)
        if number in accepted.also:
            return ""
        if accepted.options:
            return "" if f"{number:g}" in accepted.options else "isn't one of the options"
        return _bounds(accepted, number, "is below", "is above")
    if accepted.kind == "text":
        text = value if isinstance(value, str) else _written(value)
        if accepted.options and text not in accepted.options:
            return "isn't one of the options"
        return _bounds(accepted, len(text), "is too short", "is too long") or _mismatch(accepted.patterns, text)
    if accepted.kind in ("list", "map"):
        return _bounds(accepted, len(value), "has too few", "has too many")
    return ""


def _written(value: Json) -> str:
    """Return a number or a boolean in the form in which the provider gets it if it expects a text."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _bounds(accepted: Accepted, size: float, below: str, above: str) -> str:
    if accepted.low is not None and size < accepted.low:
        return below
    return above if accepted.high is not None and size > accepted.high else ""


def _mismatch(patterns: Sequence[str], text: str) -> str:
    everything = not text.isascii()
    if not patterns or any(compiled(pattern, everything=everything).search(text) for pattern in patterns):
        return ""
    return "has the wrong form"


def _shown(value: Json, path: str) -> str:
    if isinstance(value, SecretText) or not isinstance(value, str | int | float) or _SECRET.search(path):
        return ""
    return f" {value:g}" if isinstance(value, float) else f" {_cut(str(value))}"


def _cut(text: str) -> str:
    written = f"{text[:_SHOWN]}".encode("unicode_escape").decode()
    return f"{written}..." if len(text) > _SHOWN else written


def described(accepted: Accepted, around: str = "") -> str:
    """Describe the accepted values: options, size and form; `around` is put around a pattern."""
    parts: list[str] = []
    if accepted.options:
        parts.append(", ".join(accepted.options[:12]) + (", ..." if len(accepted.options) > 12 else ""))
    low, high = accepted.low, accepted.high
    if not accepted.options and (low is not None or high is not None):
        between = (
            f"{low:g} to {high:g}"
            if low is not None and high is not None
            else (f"up to {high:g}" if high is not None else f"{low:g} or more")
        )
        unit = {"text": " characters", "list": " elements", "map": " keys"}.get(accepted.kind, "")
        parts.append(", ".join([f"{between}{unit}", *(f"{one:g}" for one in accepted.also)]))
    if accepted.explanation:
        parts.append(accepted.explanation)
    elif accepted.patterns:
        parts.append(" or ".join(f"{around}{pattern}{around}" for pattern in accepted.patterns[:2]))
    return "; ".join(parts)


def source(type_: str, accepted: Accepted) -> str:
    """Return the source of the accepted values: the address of a page, or the name of a model."""
    operation, schema = knowledge.held_against(type_)
    names = {
        "api": f"AWS's API model, {operation}",
        "schema": f"CloudFormation's schema, {schema}",
        "sdk": "Cloudflare's API schema, as its SDK lists it",
    }
    return accepted.source if "://" in accepted.source else "; ".join(names[one] for one in accepted.source.split("+"))


RULES: Final = (
    Rule(
        id="refused-by-aws",
        title="AWS accepts every value of an AWS resource.",
        remedy="Use an accepted value, as the violation says.",
        source="https://docs.aws.amazon.com/boto3/latest/reference/services/index.html",
        severity=Severity.HIGH,
        check=partial(_refused, "aws"),
    ),
    Rule(
        id="refused-by-cloudflare",
        title="Cloudflare accepts every value of a Cloudflare resource.",
        remedy="Use an accepted value, as the violation says.",
        source="https://developers.cloudflare.com/api/",
        severity=Severity.HIGH,
        check=partial(_refused, "cloudflare"),
    ),
)
