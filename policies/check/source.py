"""Files as text and content, and the lines of what stands in them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

from policies.rulebook import Json, Resource

Steps: TypeAlias = "tuple[str | int, ...]"
"""Keys and indexes from the top of a file to something in it."""

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


ACCOUNT: Final = "123456789012"
"""Stands for the account of a file that doesn't say which, as in AWS's own examples."""


class BadInput(Exception):
    """A file can't be judged; the text says why, without the file's name."""


class Line(NamedTuple):
    """A line of a file; 0 stands for the whole file."""

    file: str
    line: int = 0


@dataclass(frozen=True)
class Source:
    """A file: its name as findings give it, and its text."""

    name: str
    text: str

    @cached_property
    def content(self) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return what the file holds. A short tag of CloudFormation (`!Sub`) is read as its long form.

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
        return self._yaml()

    def _yaml(self) -> Any:  # noqa: ANN401
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(self.text, Loader)):
                raise BadInput("has a YAML alias (`*name`), which CloudFormation doesn't take; write the value out")
            return yaml.load(self.text, _TemplateLoader)  # noqa: S506 - a safe loader with CloudFormation's tags
        except yaml.MarkedYAMLError as error:
            line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
            raise BadInput(f"isn't YAML: {error.problem}{line}") from None
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise BadInput(f"isn't YAML: {type(error).__name__}") from None

    def line(self, path: Steps) -> Line:
        """Return the line on which something stands, or as much of the path to it as there is."""
        node, line = self._tree, 0
        for step in path:
            found = _below(node, step)
            if found is None:
                break
            line, node = found
        return Line(self.name, line)

    @cached_property
    def _tree(self) -> yaml.Node | None:
        # JSON is YAML but for tabs, which stand only between its tokens.
        try:
            return yaml.compose(self.text.replace("\t", " "), Loader)
        except (yaml.YAMLError, RecursionError):
            return None


def _below(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line + 1, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


@dataclass(frozen=True)
class Subject:
    """A resource to judge, and where it comes from.

    `label` is how the file names the resource, empty for a file that is one document. `places` gives, for each property
    that holds a document, the path of that document in the file. `unknown` says what of it can't be known, and why.
    """

    resource: Resource
    source: Source
    label: str = ""
    places: Mapping[str, Steps] = field(default_factory=dict)
    path: Steps = ()
    program: Line | None = None
    """The line of the program that made the resource, where the file says it."""
    unknown: Sequence[str] = ()

    def line(self, property_: str, message: str) -> Line:
        """Return the line that a message is about: of the statement, else of the document or the resource."""
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
            return None  # It's missing, or a function makes it.
        return content


def _statement(document: Any, message: str) -> Steps:  # noqa: ANN401
    """Return the path to the statement that a message names first, within its document."""
    statements = document.get("Statement") if isinstance(document, Mapping) else None
    entries = statements if isinstance(statements, list) else [statements]
    found = [(at, index) for index, entry in enumerate(entries) if (at := _named(entry, index, message)) >= 0]
    if not found:
        return ()
    return ("Statement", min(found)[1]) if isinstance(statements, list) else ("Statement",)


def _named(entry: object, index: int, message: str) -> int:
    sid = entry.get("Sid") if isinstance(entry, Mapping) else None
    numbered = [f"statement {index + 1}{end}" for end in " :,.;)"]
    names = [f"`{sid}`"] if isinstance(sid, str) and sid else [*numbered, f"`Statement{index + 1}`"]
    return min((at for name in names if (at := message.find(name)) >= 0), default=-1)


def make(type_: str, label: str, properties: Mapping[str, Json], account: str = "") -> Resource:
    """Return a resource by the name that the file gives it; waivers know it by that name."""
    provider = {"allowedAccountIds": [account]} if account else {}
    return Resource(type_, f"urn:pulumi:check::check::{type_}::{label}", label, properties, provider=provider)


class _TemplateLoader(Loader):  # type: ignore[misc]
    """Reads YAML as CloudFormation does: tags are functions, dates are texts, and no key stands twice."""


def _function(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:  # noqa: ANN401
    value = (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node, deep=True)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_mapping(node, deep=True)
    )
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in _SHORT else f"Fn::{suffix}": value}


_SHORT: Final = ("Ref", "Condition")
"""Functions whose long form has no `Fn::`."""


def _mapping(loader: Any, node: yaml.MappingNode) -> Iterator[dict[Hashable, Any]]:  # noqa: ANN401
    keys = [key.value for key, _ in node.value]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise yaml.constructor.ConstructorError(None, None, f"the key `{twice[0]}` stands twice", node.start_mark)
    content: dict[Hashable, Any] = {}
    yield content
    content.update(loader.construct_mapping(node))


_TemplateLoader.add_multi_constructor("!", _function)
_TemplateLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_TemplateLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
