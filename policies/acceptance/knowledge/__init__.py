"""The values that AWS and Cloudflare accept for each property of each resource type.

The index beside this file is compiled by `python -m policies.acceptance.knowledge` from botocore's API models,
CloudFormation's registry schemas as cfn-lint ships them, and the inputs of the Pulumi SDKs, with version and hash of
each in its first line, and from `patches.yaml`, which is kept by hand. Each other line is a module of an SDK; it's
decoded when one of its types is first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

INDEX: Final = Path(__file__).with_name("constraints.jsonl")
PATCHES: Final = Path(__file__).with_name("patches.yaml")


@dataclass(frozen=True, eq=False)
class Accepted:
    """The accepted values of a property.

    `low` and `high` bound a text's length, a number's value or the size of a list or mapping; of `patterns` one has to
    match. `explanation` says the same to people where there is one.
    """

    kind: str
    required: bool
    low: float | None
    high: float | None
    options: Sequence[str]
    patterns: Sequence[str]
    explanation: str
    source: str
    also: Sequence[float]
    """Values that are accepted although they are out of bounds."""
    module: Module
    content: Mapping[str, Any]

    def member(self, name: str) -> Accepted | None:
        """Return the accepted values of an object's property, None if there is no such property."""
        number = self.content.get("m", {}).get(name)
        return None if number is None else self.module.node(number)

    @cached_property
    def demanded(self) -> Mapping[str, str]:
        """The properties that an object must have, and their kinds."""
        return self.module.demanded(self.content.get("m", {}))

    def element(self) -> Accepted | None:
        """Return the accepted values of a list's elements, or of a mapping's values."""
        return self.module.node(self.content["e"]) if "e" in self.content else None

    def key(self) -> Accepted | None:
        """Return the accepted keys of a mapping."""
        return self.module.node(self.content["q"]) if "q" in self.content else None

    @property
    def limited(self) -> bool:
        """Whether it is restricted beyond its kind."""
        return bool(self.options or self.patterns) or self.low is not None or self.high is not None


class Module:
    """One line of the index."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.types: Mapping[str, tuple[int, str, str]] = document["types"]
        self.size = len(document["nodes"])
        """Number of its nodes."""
        self._document = document
        self._nodes: dict[int, Accepted] = {}

    def demanded(self, members: Mapping[str, int]) -> Mapping[str, str]:
        """Return name -> kind of the members that the SDK requires."""
        nodes = self._document["nodes"]
        return {name: nodes[number]["k"] for name, number in members.items() if "r" in nodes[number]}

    def node(self, number: int) -> Accepted:
        """Return a node by its number in the line."""
        if number not in self._nodes:
            content = self._document["nodes"][number]
            self._nodes[number] = Accepted(
                content["k"],
                "r" in content,
                content.get("l"),
                content.get("h"),
                self._document["options"][content["o"]] if "o" in content else (),
                [self._document["patterns"][index] for index in content.get("p", ())],
                content.get("a", ""),
                self._document["sources"][content["s"]] if "s" in content else "",
                content.get("x", ()),
                self,
                content,
            )
        return self._nodes[number]


@cache
def _lines() -> Mapping[str, str]:
    lines = INDEX.read_text(encoding="utf-8").splitlines()
    # A line starts with `["module",`; the rest is decoded when one of the module's types is first needed.
    return {line[2 : line.index('"', 2)]: line for line in lines[1:]}


@cache
def module(name: str) -> Module | None:
    """Return a module (`aws:lb`), None if the index has none of that name."""
    line = _lines().get(name)
    return Module(json.loads(line)[1]) if line else None


def modules() -> Sequence[str]:
    """Return the names of all modules."""
    return tuple(_lines())


@cache
def accepted(token: str) -> Accepted | None:
    """Return the accepted values of a resource type's inputs, None if the index doesn't have the type."""
    found = module(token.partition("/")[0])
    return found.node(found.types[token][0]) if found and token in found.types else None


def held_against(token: str) -> tuple[str, str]:
    """Return the operation and the CloudFormation type of a resource type's models, each empty if there is none.

    Raises:
        KeyError: the index doesn't have the type.
    """
    found = module(token.partition("/")[0])
    if not found:
        raise KeyError(token)
    _, operation, schema = found.types[token]
    return operation, schema


def provenance() -> Mapping[str, Any]:
    """Return the first line of the index: the sources with version and SHA-256, and the date of its compilation."""
    with INDEX.open(encoding="utf-8") as file:
        heading: Mapping[str, Any] = json.loads(file.readline())
    return heading
