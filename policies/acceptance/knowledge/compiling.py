"""Compiles AWS's models and the SDK's inputs into the index of accepted values."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

from policies.acceptance.knowledge import matching
from policies.acceptance.knowledge.backtracking import dangerous
from policies.acceptance.knowledge.expressions import Refused, compiled, expanded, translated
from policies.acceptance.knowledge.inputs import Group, Input
from policies.acceptance.knowledge.models import INTEGER, LIST, MAP, NUMBER, OBJECT, TEXT, Shape

API, SCHEMA = "api", "schema"

NUMBERS: Final = {INTEGER, NUMBER}

_DEPTH: Final = 12
"""Levels of nested blocks that are compiled; no resource type has more."""

Sources = Mapping[str, Sequence[Shape]]
"""Source -> its shapes that a value is compared with; the first one that has a property decides."""


@dataclass
class Counts:
    """Counts of used and unused patterns, and of constraints in the index."""

    refused: Counter[str] = field(default_factory=Counter)
    """Reason -> patterns whose meaning Python can't reproduce."""
    dangerous: set[str] = field(default_factory=set)
    """Patterns that could take exponential time."""
    patterns: set[str] = field(default_factory=set)
    constraints: Counter[str] = field(default_factory=Counter)


class Table:
    """One line of the index: a module's types, with shared parts written once."""

    def __init__(self, formats: Mapping[str, str], everywhere: Mapping[str, Any], counts: Counts) -> None:
        self._formats = formats
        self._everywhere = everywhere
        self._counts = counts
        self._nodes: dict[str, int] = {}
        self._texts: dict[str, int] = {}
        self._options: dict[tuple[str, ...], int] = {}
        self._sources: dict[str, int] = {}
        self._moved: dict[str, Shape] = {}
        self.types: dict[str, list[Any]] = {}

    def add(self, token: str, group: Group, sources: Sources, names: Sequence[str], patches: Mapping[str, Any]) -> None:
        """Add a type. `names` are the names of its models, for messages; `patches` are those of its paths."""
        owners = [matching.plain(token.rpartition(":")[2])]
        left = dict(patches)
        self._moved = {path: _at(sources[API], patch["alias"]) for path, patch in left.items() if "alias" in patch}
        left = {path: patch for path, patch in left.items() if patch.keys() - {"alias"}}
        root = self._object(group, sources, owners, "", left, 0)
        if unused := [*left, *self._moved]:
            raise ValueError(f"{token}: patches of paths that it doesn't have: {', '.join(unused)}")
        self.types[token] = [self._node({"k": OBJECT, **root}), *names]

    def document(self) -> dict[str, Any]:
        """Return the content of the line.

        Raises:
            re.error: Python can't read one of its patterns.
        """
        for text in self._texts:
            compiled(text, everything=False)
        return {
            "types": self.types,
            "nodes": [json.loads(node) for node in self._nodes],
            "patterns": list(self._texts),
            "options": [list(options) for options in self._options],
            "sources": list(self._sources),
        }

    def _node(self, content: Mapping[str, Any]) -> int:
        return self._nodes.setdefault(json.dumps(content, sort_keys=True), len(self._nodes))

    def _object(
        self, group: Group, sources: Sources, owners: Sequence[str], path: str, patches: dict[str, Any], depth: int
    ) -> dict[str, Any]:
        members = {
            name: self._value(
                value,
                self._below(sources, name, owners, f"{path}{name}"),
                [matching.plain(name), *owners],
                f"{path}{name}",
                patches,
                depth + 1,
            )
            for name, value in group.inputs.items()
            if depth < _DEPTH
        }
        return {"m": members}

    def _below(self, sources: Sources, name: str, owners: Sequence[str], path: str) -> Sources:
        if path in self._moved:
            return {API: [self._moved.pop(path)]}
        return {
            source: [below for shape in shapes if (below := matching.member(shape, name, owners))][:1]
            for source, shapes in sources.items()
        }

    def _value(
        self, value: Input, sources: Sources, owners: Sequence[str], path: str, patches: dict[str, Any], depth: int
    ) -> int:
        found = {
            source: [below for shape in shapes if (below := matching.fitted(shape, value.kind))]
            for source, shapes in sources.items()
        }
        content: dict[str, Any] = {"k": value.kind, **({"r": 1} if value.required else {})}
        content |= self._limits(value.kind, [(source, shape) for source, shapes in found.items() for shape in shapes])
        if value.options and value.kind == TEXT:
            content["o"] = self._options.setdefault(value.options, len(self._options))
            content["s"] = self._sources.setdefault("sdk", len(self._sources))
        if patch := patches.pop(path, None):
            content = self._patched(content, patch)
        elif patch := self._everywhere.get(path):
            content = self._supplied(content, patch)
        if value.group:
            content |= self._object(value.group, found, owners, f"{path}.", patches, depth)
        elif value.kind in (LIST, MAP) and value.element:
            elements = {source: _elements(shapes, value) for source, shapes in found.items()}
            content["e"] = self._value(value.element, elements, owners, f"{path}.*", patches, depth)
            if value.kind == MAP:
                keys = {source: _keys(shapes) for source, shapes in found.items()}
                content["q"] = self._value(Input(TEXT), keys, owners, f"{path}.key", patches, depth)
        return self._node(content)

    def _limits(self, kind: str, shapes: Sequence[tuple[str, Shape]]) -> dict[str, Any]:
        """Return the limits that the sources set. If they disagree, a value that one of them accepts is accepted."""
        of_kind = [pair for pair in shapes if pair[1].kind == kind or kind == MAP or {kind, pair[1].kind} <= NUMBERS]
        result: dict[str, Any] = {}
        said: set[str] = set()
        for key, bounds in (
            ("l", [(s, shape.low) for s, shape in of_kind]),
            ("h", [(s, shape.high) for s, shape in of_kind]),
        ):
            given = [(source, bound) for source, bound in bounds if bound is not None]
            # A minimum length of 0 doesn't restrict a text, a list or a mapping, so it is left out.
            if given and not (key == "l" and kind in (TEXT, LIST, MAP) and min(bound for _, bound in given) == 0):
                result[key] = (min if key == "l" else max)(bound for _, bound in given)
                said |= {source for source, _ in given}
        if kind in (TEXT, INTEGER):
            options = [(source, shape.options) for source, shape in of_kind if shape.options]
            if options:
                every = tuple(sorted({option for _, listed in options for option in listed}))
                result["o"] = self._options.setdefault(every, len(self._options))
                said |= {source for source, _ in options}
        if kind == TEXT:
            patterns = [
                (source, text) for source, shape in of_kind if (text := self._pattern(source, shape)) is not None
            ]
            if [source for source, _ in patterns] == [API, SCHEMA] and _copied(
                *(shape.pattern for _, shape in of_kind)
            ):
                patterns = patterns[:1]
            # A pattern that can't be read might accept a value that the other one refuses.
            if patterns and all(text for _, text in patterns):
                result["p"] = sorted({self._texts.setdefault(text, len(self._texts)) for _, text in patterns})
                said |= {source for source, _ in patterns}
        if said:
            result["s"] = self._sources.setdefault("+".join(sorted(said)), len(self._sources))
        for key in result.keys() - {"s"}:
            self._counts.constraints[key] += 1
        return result

    def _pattern(self, source: str, shape: Shape) -> str | None:
        """Return a shape's pattern for Python: None if it has none, empty if it can't be read."""
        written = shape.pattern or self._formats.get(shape.format, "")
        if not written:
            return None
        try:
            text = translated(written, ecma=source == SCHEMA)
        except Refused as refused:
            self._counts.refused[f"{written}\t{refused}"] += 1
            return ""
        if dangerous(text):
            self._counts.dangerous.add(written)
            return ""
        if source == API and not written.startswith(_BEGINNINGS) and not _partial(text, shape):
            # The older models write no anchors, but mean the whole text
            # (https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html shows such a pattern).
            text = _wrapped(text, r"\A(?:", r")\Z")
        self._counts.patterns.add(text)
        return text

    def _patched(self, content: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
        """Return a node with a patch applied, whose values replace those of the models."""
        content = {key: value for key, value in content.items() if key not in patch.get("drop", ())}
        for key, name in (("l", "low"), ("h", "high")):
            if name in patch:
                content[key] = patch[name]
        if "options" in patch:
            options = tuple(map(str, patch["options"]))
            content["o"] = self._options.setdefault(options, len(self._options))
        if "pattern" in patch:
            text = translated(patch["pattern"], ecma=True)
            if dangerous(text):
                raise Refused(f"the patch's pattern {text} may take exponential time")
            content["p"] = [self._texts.setdefault(text, len(self._texts))]
        for key, name in (("a", "accepted"), ("x", "also")):
            if name in patch:
                content[key] = patch[name]
        content["s"] = self._sources.setdefault(patch["source"], len(self._sources))
        return content

    def _supplied(self, content: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
        """Return a node with a patch for every type, unless the models have limits; `never` is always added."""
        if not content.keys() & {"l", "h", "o", "p"}:
            content = self._patched(content, {key: value for key, value in patch.items() if key != "never"})
        if "never" in patch:
            texts = list(self._texts)
            bodies = [texts[index] for index in content.get("p", ())] or [""]
            guarded = [_wrapped(body, rf"\A(?!{patch['never']})(?:", ")") for body in bodies]
            content = {**content, "p": [self._texts.setdefault(text, len(self._texts)) for text in guarded]}
        return content


_BEGINNINGS: Final = ("^", r"\A", "(?i)^")
_FLAGS: Final = re.compile(r"\(\?[a-z]+\)")


def _copied(api: str, schema: str) -> bool:
    """Tell whether a schema's pattern adds nothing to the API's: it is the same, or matches only a part of a text."""
    whole = schema.startswith("^") and schema.endswith("$")
    return not whole or schema.removeprefix("^").removesuffix("$") == api.removeprefix("^").removesuffix("$")


def _wrapped(text: str, before: str, after: str) -> str:
    """Return an expression with texts before and after it; flags stay at the beginning, as Python requires."""
    match = _FLAGS.match(text)
    flags = match[0] if match else ""
    return f"{flags}{before}{text.removeprefix(flags)}{after}"


def _partial(text: str, shape: Shape) -> bool:
    """Tell whether a pattern without anchors can only mean a part of a text, since its matches are too short."""
    _, longest = _parser.parse(expanded(text, everything=False)).getwidth()
    return bool(longest < (shape.low or 0) or longest <= 1)


def _at(shapes: Sequence[Shape], path: str) -> Shape:
    """Return the member at a dotted path of the first shape that has it.

    Raises:
        ValueError: no shape has it.
    """
    for shape in shapes:
        found: Shape | None = shape
        for step in path.split("."):
            found = found.members.get(step) if found else None
        if found:
            return found
    raise ValueError(f"no operation has {path}")


def _elements(shapes: Iterable[Shape], value: Input) -> list[Shape]:
    """Return the shapes of a list's elements, or of a mapping's values."""
    result: list[Shape] = []
    for shape in shapes:
        element = shape.element if shape.kind in (LIST, MAP) else shape
        if element and value.kind == MAP and shape.kind == LIST:
            element = element.members.get("Value")
        if element:
            result.append(element)
    return result


def _keys(shapes: Iterable[Shape]) -> list[Shape]:
    keys = [shape.element.members.get("Key") if shape.kind == LIST and shape.element else shape.key for shape in shapes]
    return [key for key in keys if key]
