"""A resource as a rule sees it: type, URN, name and plain properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self, SupportsIndex, TypeAlias, TypeVar, cast, overload


class _Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "<unknown at preview>"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value was used as a condition; compare it with `is UNKNOWN` first")


UNKNOWN: Final = _Unknown()
"""Stands for every value that a preview can't know. It has no truth value, so no rule passes on it by accident."""


class _Asset:
    """The type of `ASSET`."""

    def __repr__(self) -> str:
        return "<asset>"


ASSET: Final = _Asset()
"""Stands for a file, an archive, and any other value whose mark no rule reads."""


class SecretText(str):
    """A text that the program marks as secret, or a text within something that it marks.

    Printing it, a slice of it or its lower-case form shows no value.
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


Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | float | bool | _Unknown | _Asset | None"
"""A property value; a text that is secret is a `SecretText`. `UNKNOWN` and `ASSET` can stand at any depth."""

Analysis = TypeVar("Analysis")


class Unjudgeable(Exception):
    """A value that a rule must judge is unknown, missing or of the wrong type.

    The accessors of `Properties` raise it, and the rulebook turns it into a violation of the rule that asked. `urn` is
    the resource that the value belongs to.
    """

    def __init__(self, path: str, problem: str, urn: str = "") -> None:
        super().__init__(f"`{path}` {problem}")
        self.path = path
        self.urn = urn


class Properties:
    """Typed access to the properties of a resource, or to those below a path of it.

    A path is dotted: `a.b.0.c` is the key `c` of the first item of the list `b` in `a`.
    """

    urn: str

    @property
    def _root(self) -> Json:
        raise NotImplementedError

    def place(self, path: str) -> str:
        """Return the full path within the resource, as messages show it."""
        return path

    def get(self, path: str, default: Json = None) -> Json:
        """Return the value at a path: `UNKNOWN` below an unknown, `default` where there is nothing, or null."""
        value = self._root
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

    def at(self, path: str) -> Part:
        """Return what is below a path. It may be unknown, missing or of any type; its accessors check that."""
        return Part(self.urn, self.place(path), self.get(path))

    def parts(self, path: str) -> list[Part]:
        """Return each item of the list at a path, none where the program leaves it out.

        Raises:
            Unjudgeable: the list is unknown or of another type. The items may be.
        """
        return [Part(self.urn, f"{self.place(path)}.{index}", item) for index, item in enumerate(self.items(path))]

    def text(self, path: str) -> str:
        """Return the string at a path.

        Raises:
            Unjudgeable: it is unknown, missing or not a string.
        """
        value = self.get(path)
        if isinstance(value, str):
            return value
        raise self.refusal(path, "a string")

    def text_or_none(self, path: str) -> str | None:
        """Return the string at a path, or None where the program leaves it out.

        Raises:
            Unjudgeable: it is unknown or of another type.
        """
        return None if self.get(path) is None else self.text(path)

    def texts(self, path: str) -> list[str]:
        """Return the strings of the list at a path, none where the program leaves it out.

        Raises:
            Unjudgeable: the list, or an item of it, is unknown or of another type.
        """
        return [self.text(f"{path}.{index}") for index, _ in enumerate(self.items(path))]

    def number(self, path: str, default: float | None = None) -> float:
        """Return the number at a path, `default` where the program leaves it out.

        Raises:
            Unjudgeable: it is unknown, of another type, or missing without a default.
        """
        value = self.get(path, default)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        raise self.refusal(path, "a number")

    def number_or_none(self, path: str) -> float | None:
        """Return the number at a path, or None where the program leaves it out.

        Raises:
            Unjudgeable: it is unknown or of another type.
        """
        return None if self.get(path) is None else self.number(path)

    def flag(self, path: str, default: bool) -> bool:
        """Return the boolean at a path, `default` (the provider's own) where the program leaves it out.

        Raises:
            Unjudgeable: it is unknown or of another type.
        """
        value = self.get(path, default)
        if isinstance(value, bool):
            return value
        raise self.refusal(path, "true or false")

    def items(self, path: str) -> list[Json]:
        """Return the list at a path, empty where the program leaves it out.

        Raises:
            Unjudgeable: it is unknown or of another type.
        """
        value = self.get(path)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        raise self.refusal(path, "a list")

    def mapping(self, path: str) -> Mapping[str, Json]:
        """Return the mapping at a path, empty where the program leaves it out.

        Raises:
            Unjudgeable: it is unknown or of another type.
        """
        value = self.get(path)
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return value
        raise self.refusal(path, "a mapping")

    def refusal(self, path: str, accepted: str) -> Unjudgeable:
        """Return the exception that says why the value at a path can't be judged; `accepted` says what could be."""
        return Unjudgeable(self.place(path), _problem(self.get(path), accepted), self.urn)


@dataclass(frozen=True)
class Part(Properties):
    """What is below a path of a resource; its accessors take paths relative to that, and report full paths."""

    urn: str
    path: str
    value: Json

    @property
    def _root(self) -> Json:
        return self.value

    def place(self, path: str) -> str:
        """Return the full path within the resource, as messages show it."""
        return f"{self.path}.{path}"


class _Analysed:
    """Base of what rules analyse; it keeps the result of each analysis."""

    _shared: dict[object, Any]

    def shared(self, analysis: Callable[[Self], Analysis]) -> Analysis:
        """Return the result of an analysis, which runs once however many rules ask for it.

        The analysis must return something that can be read again and again: a tuple, never an iterator.
        """
        if analysis not in self._shared:
            self._shared[analysis] = analysis(self)
        return cast(Analysis, self._shared[analysis])


@dataclass(frozen=True, eq=False)
class Resource(_Analysed, Properties):
    """One resource of the plan. Compared by identity.

    `type` is the token (`aws:iam/role:Role`), `properties` are the inputs at preview (for stack rules: the
    state that the engine expects), with `UNKNOWN` where a value isn't known yet. `parent` is a URN, empty at the
    root. `provider` holds the inputs of the resource's provider, where the engine names one. `secret_outputs`
    are the properties that the engine keeps as secrets because the program says so. `references` has, for stack rules,
    the URNs of the resources that a property's value comes from, whether or not it is known yet. `ignored_changes` are
    the properties for which the engine keeps the value in its state, whatever the program says; `properties` has the
    values that it keeps.
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
    ignored_changes: tuple[str, ...] = ()
    _shared: dict[object, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def _root(self) -> Json:
        return self.properties


class Stack(_Analysed, Sequence[Resource]):
    """The resources of a stack, in the order in which the engine gives them."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = tuple(resources)
        self._shared: dict[object, Any] = {}

    @overload
    def __getitem__(self, index: int) -> Resource: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Resource]: ...
    def __getitem__(self, index: int | slice) -> Resource | Sequence[Resource]:
        return self._resources[index]

    def __len__(self) -> int:
        return len(self._resources)

    def only(self, types: frozenset[str]) -> Stack:
        """Return the resources of some types as a stack; the same types always give the same object."""
        if types not in self._shared:
            self._shared[types] = Stack([resource for resource in self if resource.type in types])
        return cast(Stack, self._shared[types])


def _problem(value: Json, accepted: str) -> str:
    if value is UNKNOWN:
        return "isn't known at preview, so the gate can't judge it"
    if value is None:
        return f"is missing; the gate needs {accepted}"
    return f"is {_kind(value)}; the gate needs {accepted}"


def _kind(value: Json) -> str:
    kinds = {bool: "true or false", float: "a number", int: "a number", str: "a string", list: "a list"}
    return kinds.get(type(value), "a mapping" if isinstance(value, Mapping) else "an asset")
