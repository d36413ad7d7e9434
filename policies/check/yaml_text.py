"""Reads YAML as CloudFormation does, and finds the line numbers of values in a YAML or JSON text."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml

from policies.check.bad_input import BadInput

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return the content of a text. CloudFormation's short tags (`!Sub`) are read as their long forms.

    Raises:
        BadInput: it isn't YAML, or uses something that CloudFormation rejects.
    """
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Loader)):
            raise BadInput("has a YAML alias (`*name`), which CloudFormation rejects; write the value out")
        return yaml.load(text, _TemplateLoader)  # noqa: S506 - a safe loader with CloudFormation's tags
    except yaml.MarkedYAMLError as error:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadInput(f"isn't YAML: {error.problem}{line}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"isn't YAML: {type(error).__name__}") from None


class Lines:
    """The line numbers of values in a text. A text that isn't YAML has none."""

    def __init__(self, text: str) -> None:
        try:
            self._tree: yaml.Node | None = yaml.compose(text, _Loader)
        except (yaml.YAMLError, RecursionError):
            self._tree = None

    def line(self, steps: tuple[str | int, ...]) -> int:
        """Return the line that the steps lead to, or the line of the deepest step that exists; 0 if none does."""
        node, line = self._tree, 0
        for step in steps:
            found = _below(node, step)
            if found is None:
                break
            line, node = found
        return line


def _below(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line + 1, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


class _TemplateLoader(_Loader):  # type: ignore[misc]
    """Reads tags as functions and dates as texts, and rejects a mapping with the same key twice."""


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
        raise yaml.constructor.ConstructorError(None, None, f"the key `{twice[0]}` is there twice", node.start_mark)
    content: dict[Hashable, Any] = {}
    yield content
    content.update(loader.construct_mapping(node))


_TemplateLoader.add_multi_constructor("!", _function)
_TemplateLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_TemplateLoader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
