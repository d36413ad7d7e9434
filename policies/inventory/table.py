"""Reads `types/*.txt`: the types that the gate knows, and the verdict on each of their properties.

    [aws:lb/listenerRule:ListenerRule] counted
    *                       by rule-without-header-check
    listenerArn             made aws:lb/listener:Listener
    actions.type            by unexpected-action
    actions.fixedResponse.contentType only text/plain
    actions.forward.**      no one target group, agreed by name, takes all requests

A section is a type; `counted` means that the owners agree to the number of such resources in a stack. The line `*` says
which rules judge the type, or why none has to. Every other line is a property: its path, without the indexes of lists,
and the verdict. A path that ends in `**` stands for itself and everything below that has no line of its own. The lines
of a section that ends in `:*` apply to every type of that package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Final

from policies.rulebook import Json, Resource

FOLDER: Final = Path(__file__).parent / "types"

AGREED: Final = "agreed"

VERBS: Final[Mapping[str, str]] = {
    "by": "these rules judge it",
    "secret": "it may hold a secret that passes through the stack; the rules after `by` judge it",
    "made": "the value comes from a resource of this stack, of one of these types, or the owners agreed to it; "
    "the rule after `or` judges known values",
    "only": "only these values are accepted",
    AGREED: "the value matters, but no rule can judge it by itself: the owners agree to it",
    "free": "any value is harmless, for the given reason",
    "no": "no value is accepted, for the given reason",
}
"""The first word of a verdict -> its meaning."""


@dataclass(frozen=True)
class Verdict:
    """The gate's verdict on a property. `verb` is one of `VERBS`; `text` is the rest of the line."""

    verb: str
    text: str

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The rules, the types or the values that the line lists."""
        return tuple(self.text.removeprefix("by ").replace(",", " ").split())


@dataclass(frozen=True)
class Known:
    """A type that the gate knows. `verdict` is about the type as a whole."""

    type: str
    counted: bool
    verdict: Verdict
    properties: Mapping[str, Verdict]
    _found: dict[str, Verdict | None] = field(default_factory=dict)
    _paths: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def judge(self, path: str) -> Verdict | None:
        """Return the verdict on a property, None if no line is about it."""
        if path not in self._found:
            self._found[path] = self.properties.get(path) or self._above(path)
        return self._found[path]

    def _above(self, path: str) -> Verdict | None:
        steps = path.split(".")
        above = (".".join([*steps[:length], "**"]) for length in range(len(steps), -1, -1))
        return next((self.properties[pattern] for pattern in above if pattern in self.properties), None)

    def paths(self, verb: str, rule: str = "") -> list[str]:
        """Return the paths whose verdict has a verb and, if one is given, names a rule."""
        if (verb, rule) not in self._paths:
            self._paths[verb, rule] = [
                path
                for path, verdict in self.properties.items()
                if verdict.verb == verb and (not rule or rule in verdict.words)
            ]
        return self._paths[verb, rule]


@cache
def table() -> Mapping[str, Known]:
    """Return the types that the gate knows, by token."""
    sections: dict[str, dict[str, Verdict]] = {}
    counted: set[str] = set()
    for file in sorted(FOLDER.glob("*.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                type_, _, mark = line[1:].partition("]")
                section = sections.setdefault(type_, {})
                if mark.strip() == "counted":
                    counted.add(type_)
            elif line and not line.startswith("#"):
                path, verb, *text = line.split(None, 2)
                section[path] = Verdict(verb, "".join(text))
    shared = {type_.removesuffix("*"): lines for type_, lines in sections.items() if type_.endswith(":*")}
    return {
        type_: Known(
            type_,
            type_ in counted,
            lines["*"],
            {**shared.get(f"{type_.partition(':')[0]}:", {}), **{key: lines[key] for key in lines if key != "*"}},
        )
        for type_, lines in sections.items()
        if not type_.endswith(":*")
    }


def types_with(verb: str, rule: str) -> frozenset[str]:
    """Return the types that have a property with this verb whose verdict names a rule."""
    return frozenset(known.type for known in table().values() if known.paths(verb, rule))


def property_leaves(resource: Resource) -> Sequence[tuple[str, str, Json]]:
    """Return the leaves of a resource's properties, as an analysis for `Resource.shared`."""
    return tuple(leaves(resource.properties))


def leaves(value: Json, path: str = "", place: str = "") -> Iterator[tuple[str, str, Json]]:
    """Yield each value within a resource's properties: its path in the table, its place, and itself.

    Paths leave out the indexes of lists, places have them (`actions.0.type`). Null, an empty text and an empty list
    have no effect and are left out; an empty mapping can have one, so it counts as a value.
    """
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key), f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, path, f"{place}.{index}")
    elif value not in (None, ""):
        yield path, place, value
