"""A resource as a rule sees it: type, URN, name and plain properties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, SupportsIndex, TypeAlias

from pulumi_policy.proxy import UnknownValueError

Json: TypeAlias = Any
"""A property value: dict, list, str (`SecretText` for a secret), float, bool, None or `UNKNOWN` at any depth."""


class _Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "<unknown at preview>"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value was used as a condition; compare it with `is UNKNOWN` first")


UNKNOWN: Final = _Unknown()
"""Stands for every value that a preview can't know. It has no truth value: no rule passes on it by accident."""


class SecretText(str):
    """A text that the program marks as secret, or a text within something that it marks.

    Printing it shows no value; so does printing a part of it, or it in lower case.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "[secret]"

    def __str__(self) -> str:
        return "[secret]"

    def __format__(self, _: str) -> str:
        return "[secret]"

    def __getitem__(self, key: SupportsIndex | slice) -> SecretText:
        return SecretText(super().__getitem__(key))

    def lower(self) -> SecretText:
        """Return the secret in lower case, still a secret."""
        return SecretText(super().lower())


class Unjudgeable(Exception):
    """A value that a rule must judge is unknown, missing or of the wrong type.

    Raised by `Resource`'s accessors; the frame turns it into a violation of the rule that asked. `urn` is the
    resource that the value belongs to.
    """

    def __init__(self, path: str, problem: str, urn: str = "") -> None:
        super().__init__(f"`{path}` {problem}")
        self.path = path
        self.urn = urn


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource of the plan. None is equal to another, so that what is worked out for one can be remembered.

    `type` is the token (`aws:iam/role:Role`), `properties` the inputs at preview (for stack rules: the
    state the engine expects), with `UNKNOWN` where a value isn't known yet. `parent` is a URN, empty at the
    root; `provider` the inputs of the provider that makes the resource, where the engine names one. `secret_outputs`
    are the properties that the program has the engine keep as secrets. `references` gives, for stack rules, the URNs
    of the resources that a property's value comes from, whether or not it is known yet.
    """

    type: str
    urn: str
    name: str
    properties: Mapping[str, Json]
    protected: bool = False
    parent: str = ""
    provider: Mapping[str, Json] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
    references: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def get(self, path: str, default: Json = None) -> Json:
        """Return the value at a dotted path (`a.b.0.c`).

        That is `UNKNOWN` below an unknown, and `default` where there is nothing, or null.
        """
        value: Json = self.properties
        for step in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            if isinstance(value, Mapping) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return default
        return default if value is None else value

    def text(self, path: str) -> str:
        """Return the string at a path.

        Raises:
            Unjudgeable: it's unknown, missing or not a string.
        """
        value = self.get(path)
        if isinstance(value, str):
            return value
        raise Unjudgeable(path, _problem(value, "a string"), self.urn)

    def text_or_none(self, path: str) -> str | None:
        """Return the string at a path, or None where the program leaves it out.

        Raises:
            Unjudgeable: it's unknown or of another type.
        """
        return None if self.get(path) is None else self.text(path)

    def flag(self, path: str, default: bool) -> bool:
        """Return the boolean at a path, `default` (the provider's own) where the program leaves it out.

        Raises:
            Unjudgeable: it's unknown or of another type.
        """
        value = self.get(path)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        raise Unjudgeable(path, _problem(value, "true or false"), self.urn)

    def items(self, path: str) -> list[Json]:
        """Return the list at a path, empty where the program leaves it out.

        Raises:
            Unjudgeable: it's unknown or of another type.
        """
        value = self.get(path)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        raise Unjudgeable(path, _problem(value, "a list"), self.urn)

    def mapping(self, path: str) -> Mapping[str, Json]:
        """Return the mapping at a path, empty where the program leaves it out.

        Raises:
            Unjudgeable: it's unknown or of another type.
        """
        value = self.get(path)
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return value
        raise Unjudgeable(path, _problem(value, "a mapping"), self.urn)


def _problem(value: Json, accepted: str) -> str:
    if value is UNKNOWN:
        return "isn't known at preview, so the gate can't judge it"
    if value is None:
        return f"is missing; the gate needs {accepted}"
    return f"is {_kind(value)}; the gate needs {accepted}"


def _kind(value: Json) -> str:
    kinds = {bool: "true or false", float: "a number", int: "a number", str: "a string", list: "a list"}
    return kinds.get(type(value), "a mapping" if isinstance(value, Mapping) else "an asset")


def plain(value: Json) -> Json:
    """Return what the policy SDK hands to a policy (proxies that raise on unknowns) as plain values with `UNKNOWN`."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(container: Json, key: str | int) -> Json:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def unknown_paths(value: Json, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every unknown in a value."""
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_paths(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_paths(item, f"{path}.{index}" if path else str(index))
