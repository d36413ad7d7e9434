"""Reads AWS's own models from the packages that ship them: botocore's API models and CloudFormation's registry schemas.

Both give the same `Shape`. Files are read unchanged; `patches.yaml` corrects their errors.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final, Protocol

TEXT, INTEGER, NUMBER, FLAG, LIST, MAP, OBJECT, ANY = (
    "text",
    "integer",
    "number",
    "flag",
    "list",
    "map",
    "object",
    "any",
)


@dataclass(frozen=True, eq=False)
class Shape:
    """A model's description of a value.

    `low` and `high` bound a text's length, a number's value or the size of a list or mapping. `pattern` is as the model
    writes it. `read` gives the shapes below, when they are asked for.
    """

    kind: str
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    options: tuple[str, ...] = ()
    format: str = ""
    model: Model | None = field(default=None, repr=False)
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def below(self) -> Below:
        """The shapes that it holds."""
        return self.model.below(self.source) if self.model else Below()

    @property
    def members(self) -> Mapping[str, Shape]:
        """Name -> shape, of an object."""
        return self.below.members

    @property
    def element(self) -> Shape | None:
        """The shape of a list's elements or a mapping's values."""
        return self.below.element

    @property
    def key(self) -> Shape | None:
        """The shape of a mapping's keys."""
        return self.below.key


@dataclass(frozen=True, eq=False)
class Below:
    """The shapes that a shape is made of: an object's members, a list's elements, a mapping's values and keys."""

    members: Mapping[str, Shape] = field(default_factory=dict)
    element: Shape | None = None
    key: Shape | None = None


class Model(Protocol):
    """One file of a source: the API of a service, or the schema of a CloudFormation type."""

    def below(self, source: Mapping[str, Any]) -> Below:
        """Return the shapes below the one that a part of the file describes."""
        ...


_API_KINDS: Final = {
    "string": TEXT,
    "integer": INTEGER,
    "long": INTEGER,
    "float": NUMBER,
    "double": NUMBER,
    "boolean": FLAG,
    "list": LIST,
    "map": MAP,
    "structure": OBJECT,
}


class Api:
    """The API of a service, as botocore describes it (`service-2.json`)."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self.name = name
        self.shapes: Mapping[str, Any] = document["shapes"]
        self.operations: Mapping[str, Any] = document["operations"]

    def input(self, operation: str) -> Shape | None:
        """Return the input of an operation, None if it has none."""
        named = self.operations[operation].get("input")
        return self._shape(named["shape"]) if named else None

    def _shape(self, name: str) -> Shape:
        source = self.shapes[name]
        kind = _API_KINDS.get(source["type"], ANY)
        return Shape(
            kind,
            source.get("min"),
            source.get("max"),
            source.get("pattern", ""),
            tuple(source.get("enum", ())),
            model=self,
            source=source,
        )

    def below(self, source: Mapping[str, Any]) -> Below:
        """Return the shapes that a shape holds."""
        element = source.get("member") or source.get("value")
        return Below(
            {name: self._shape(member["shape"]) for name, member in source.get("members", {}).items()},
            self._shape(element["shape"]) if element else None,
            self._shape(source["key"]["shape"]) if "key" in source else None,
        )


_SCHEMA_KINDS: Final = {
    "string": TEXT,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": FLAG,
    "array": LIST,
    "object": OBJECT,
}
_BOUNDS: Final = {
    TEXT: ("minLength", "maxLength"),
    INTEGER: ("minimum", "maximum"),
    NUMBER: ("minimum", "maximum"),
    LIST: ("minItems", "maxItems"),
}


class Schema:
    """The schema of a CloudFormation type, from its registry."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self.name = name
        self.document = document

    def properties(self) -> Shape:
        """Return the properties of the resource."""
        return Shape(OBJECT, model=self, source={"properties": self.document["properties"]})

    def _shape(self, source: Mapping[str, Any]) -> Shape:
        while "$ref" in source:
            found: Any = self.document
            for step in source["$ref"].removeprefix("#/").split("/"):
                found = found.get(step, {})
            source = found
        kind = source.get("type", "object" if "properties" in source else "")
        kind = _SCHEMA_KINDS.get(kind, ANY) if isinstance(kind, str) else ANY
        if kind == OBJECT and "properties" not in source:
            kind = MAP if "patternProperties" in source else ANY
        low, high = _BOUNDS.get(kind, ("", ""))
        options = source.get("enum", ())
        pattern = source.get("pattern", "")
        return Shape(
            kind,
            source.get(low),
            source.get(high),
            pattern if isinstance(pattern, str) else "",
            tuple(map(str, options)) if kind in (TEXT, INTEGER) else (),
            source.get("format", ""),
            model=self,
            source=source,
        )

    def below(self, source: Mapping[str, Any]) -> Below:
        """Return the shapes that a property holds.

        Patterns of keys are left out, because too many are `[a-zA-Z0-9]+` although keys can hold dots.
        """
        values = source.get("patternProperties")
        element = source.get("items") or (next(iter(values.values())) if values else None)
        return Below(
            {name: self._shape(member) for name, member in source.get("properties", {}).items()},
            self._shape(element) if element else None,
        )


class Source:
    """A package that ships models, and its files that hold them.

    Raises:
        ModuleNotFoundError: the package isn't installed.
    """

    def __init__(self, package: str, files: Callable[[Path], Iterable[Path]]) -> None:
        try:
            installed = distribution(package)
        except PackageNotFoundError:
            message = f"the package {package} isn't installed; it holds the source"
            raise ModuleNotFoundError(message, name=package) from None
        self.name = package
        self.version = installed.version
        self.folder = Path(str(installed.locate_file("")))
        self.files = sorted(files(self.folder))

    def digest(self) -> str:
        """Return a SHA-256 of all its files and their names."""
        total = hashlib.sha256()
        for file in self.files:
            total.update(f"{file.relative_to(self.folder)}\n{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
        return total.hexdigest()


def _newest(folder: Path) -> Iterator[Path]:
    for service in (folder / "botocore/data").iterdir():
        if versions := sorted(service.glob("*/service-2.json.gz")):
            yield versions[-1]


_SCHEMAS: Final = "cfnlint/data/schemas"
_REGION: Final = "us-east-1"
"""The Region that has every type."""


def _index(folder: Path) -> Mapping[str, str]:
    """Return CloudFormation type -> the name of its file."""
    index: dict[str, str] = json.loads((folder / _SCHEMAS / "providers" / f"{_REGION}.json").read_bytes())
    return index


def _schema(folder: Path, digest: str) -> Path:
    return folder / _SCHEMAS / "resources" / f"{digest}.json"


def botocore() -> Source:
    """Return the package with the APIs, each in its newest version."""
    return Source("botocore", _newest)


def cfn_lint() -> Source:
    """Return the package with the schemas, including its own patches."""
    return Source("cfn-lint", lambda folder: {_schema(folder, digest) for digest in _index(folder).values()})


def apis(source: Source) -> Iterator[Api]:
    """Yield every API of botocore."""
    for file in source.files:
        yield Api(file.parents[1].name, json.loads(gzip.decompress(file.read_bytes())))


def schemas(source: Source) -> Iterator[Schema]:
    """Yield the schema of every CloudFormation type that cfn-lint ships."""
    for name, digest in sorted(_index(source.folder).items()):
        yield Schema(name, json.loads(_schema(source.folder, digest).read_bytes()))
