"""A file's text and content, and the line numbers of values in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from policies.check.bad_input import BadInput
from policies.rulebook import Json, Resource

if TYPE_CHECKING:
    from policies.check.yaml_text import Lines

Steps: TypeAlias = "tuple[str | int, ...]"
"""Keys and indexes from the top of a file to something in it."""

ACCOUNT: Final = "123456789012"
"""The account number of AWS's own examples. It stands in for the account of a file that doesn't say which it is."""


class Line(NamedTuple):
    """A line of a file; 0 stands for the whole file."""

    file: str
    line: int = 0


@dataclass(frozen=True)
class Source:
    """A file: its name as findings show it, and its text."""

    name: str
    text: str

    @cached_property
    def content(self) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return the content of the file. CloudFormation's short tags (`!Sub`) are read as their long forms.

        Raises:
            BadInput: it is neither JSON nor YAML.
        """
        if self.text.lstrip()[:1] in ("{", "["):
            try:
                return json.loads(self.text)
            except json.JSONDecodeError as error:
                if self.name.endswith(".json"):
                    raise BadInput(f"isn't JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
            except (RecursionError, ValueError):
                raise BadInput("can't be read: it's nested too deeply or holds too long a number") from None
        elif self.name.endswith(".json"):
            raise BadInput("isn't JSON: it doesn't begin with `{`")
        # Imported here so that JSON can be judged without PyYAML.
        try:
            from policies.check.yaml_text import load
        except ModuleNotFoundError:
            raise BadInput("is YAML, which needs PyYAML: `pip install pyyaml`") from None
        return load(self.text)

    def line(self, steps: Steps) -> Line:
        """Return the line that the steps lead to, or the line of the deepest step that exists."""
        return Line(self.name, self._lines.line(steps) if self._lines else 0)

    @cached_property
    def _lines(self) -> Lines | None:
        # Line numbers are nice to have, but no verdict needs them.
        try:
            from policies.check.yaml_text import Lines
        except ModuleNotFoundError:
            return None
        return Lines(self.text)


@dataclass(frozen=True)
class Subject:
    """A resource to judge, and where it comes from.

    `label` is the file's name for the resource, empty for a file that is one document. `places` has, for each property
    that holds a document, the steps to it in the file. `unknown` says which values can't be known, and why. `silent`
    are the rules that don't apply to it.
    """

    resource: Resource
    source: Source
    label: str = ""
    places: Mapping[str, Steps] = field(default_factory=dict)
    path: Steps = ()
    program: Line | None = None
    """The line of the program that registered the resource, if the file has it."""
    unknown: Sequence[str] = ()
    silent: frozenset[str] = frozenset()

    def line(self, property_: str, message: str) -> Line:
        """Return the line that a message is about: the statement's, else the document's or the resource's."""
        if self.program:
            return self.program
        if property_ not in self.places:
            return self.source.line(self.path)
        place = self.places[property_]
        return self.source.line((*place, *_statement(self._document(place), message)))

    def _document(self, place: Steps) -> Any:  # noqa: ANN401
        content = self.source.content
        try:
            for step in place:
                content = content[step]
        except (KeyError, IndexError, TypeError):
            return None  # It's missing, or the value of a function.
        return content


def _statement(document: Any, message: str) -> Steps:  # noqa: ANN401
    """Return the steps from a document to the first statement that a message names."""
    named = re.search(r"\bstatement (\d+)\b", message)
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    if not named:
        return ()
    if not isinstance(statements, list):
        return ("Statement",)
    # Both branches of a CloudFormation condition count as statements.
    places = [index for index, entry in enumerate(statements) for _ in range(_sides(entry))]
    number = int(named[1])
    return ("Statement", places[number - 1]) if number <= len(places) else ("Statement",)


def _sides(entry: object) -> int:
    match entry:
        case {"Fn::If": [_, *sides]}:
            return sum(side != {"Ref": "AWS::NoValue"} for side in sides)
    return 1


def make(type_: str, label: str, properties: Mapping[str, Json], account: str = "") -> Resource:
    """Return a resource under the file's name for it, which is also its name in waivers."""
    provider = {"allowedAccountIds": [account]} if account else {}
    return Resource(type_, f"urn:pulumi:check::check::{type_}::{label}", label, properties, provider=provider)
