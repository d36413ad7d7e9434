"""AWS's own models, read from the packages that ship them: botocore's API models and CloudFormation's registry schemas.

Both give the same `Shape`. Files are read as they come; what is wrong in them is put right in `patches.yaml`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import Distribution, PackageNotFoundError, distribution
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
    """What a model says about a value.

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
        """What it holds."""
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
        """Return what the shape holds that a piece of the file describes."""
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
        """Return what an operation takes, None where it takes nothing."""
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
        """Return what a shape holds."""
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
        """Return what a property holds.

        The patterns of keys are left out: too many are `[a-zA-Z0-9]+` where names hold dots.
        """
        values = source.get("patternProperties")
        element = source.get("items") or (next(iter(values.values())) if values else None)
        return Below(
            {name: self._shape(member) for name, member in source.get("properties", {}).items()},
            self._shape(element) if element else None,
        )


class Source:
    """A package that ships models, with a digest of the files that were read."""

    def __init__(self, package: str) -> None:
        try:
            self._package: Distribution = distribution(package)
        except PackageNotFoundError:
            raise ModuleNotFoundError(
                f"the package {package} isn't installed; it holds the source", name=package
            ) from None
        self.name = package
        self.version = self._package.version
        self._digests: dict[str, str] = {}

    def read(self, path: str) -> bytes:
        """Return the content of a file of the package."""
        data = self.path(path).read_bytes()
        self._digests[path] = hashlib.sha256(data).hexdigest()
        return data

    def path(self, path: str) -> Path:
        """Return where a file of the package is."""
        return Path(str(self._package.locate_file(path)))

    def digest(self) -> str:
        """Return one SHA-256 of all files that were read, whatever the order they were read in."""
        return hashlib.sha256(json.dumps(sorted(self._digests.items())).encode()).hexdigest()


def apis(source: Source) -> Iterator[Api]:
    """Yield every API of botocore, in its newest version."""
    for folder in sorted(source.path("botocore/data").iterdir()):
        versions: Sequence[Path] = sorted(folder.glob("*/service-2.json.gz"))
        if versions:
            path = versions[-1].relative_to(source.path(""))
            yield Api(folder.name, json.loads(gzip.decompress(source.read(str(path)))))


_SCHEMAS: Final = "cfnlint/data/schemas"
_REGION: Final = "us-east-1"
"""The region that has every type."""


def schemas(source: Source) -> Iterator[Schema]:
    """Yield the schema of every CloudFormation type that cfn-lint ships, its own patches included."""
    index = json.loads(source.read(f"{_SCHEMAS}/providers/{_REGION}.json"))
    for name, digest in sorted(index.items()):
        yield Schema(name, json.loads(source.read(f"{_SCHEMAS}/resources/{digest}.json")))
