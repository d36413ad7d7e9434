"""YAML as CloudFormation reads it, and the lines of what stands in a YAML or JSON text."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml

from policies.check.bad_input import BadInput

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return what a text holds. A short tag of CloudFormation (`!Sub`) is read as its long form.

    Raises:
        BadInput: it isn't YAML, or has what CloudFormation doesn't take.
    """
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Loader)):
            raise BadInput("has a YAML alias (`*name`), which CloudFormation doesn't take; write the value out")
        return yaml.load(text, _TemplateLoader)  # noqa: S506 - a safe loader with CloudFormation's tags
    except yaml.MarkedYAMLError as error:
        line = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadInput(f"isn't YAML: {error.problem}{line}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"isn't YAML: {type(error).__name__}") from None


class Lines:
    """The lines of a text. One that isn't YAML has none."""

    def __init__(self, text: str) -> None:
        try:
            self._tree: yaml.Node | None = yaml.compose(text, _Loader)
        except (yaml.YAMLError, RecursionError):
            self._tree = None

    def line(self, steps: tuple[str | int, ...]) -> int:
        """Return the line of what the steps lead to, or of as much of the way as there is; 0 for nothing of it."""
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
    """Reads tags as functions and dates as texts, and takes no key twice."""


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
