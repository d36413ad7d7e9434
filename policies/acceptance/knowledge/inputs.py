"""The inputs of every resource type of a Pulumi SDK (AWS, Cloudflare), read from its source.

The source is read as text and never imported, which would take minutes of processor time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Final

from policies.acceptance.knowledge.models import ANY, FLAG, INTEGER, LIST, MAP, NUMBER, OBJECT, TEXT, Source

_CLASS: Final = re.compile(
    r"^class (\w+)Args:\n    def __init__\(__self__, \*,\n(.*?)\):\n(.*?)(?=^@|^class |\Z)", re.M | re.S
)
_PARAMETER: Final = re.compile(r"^\s+(\w+): (Any|pulumi\.Input\[.*\])(?: = None)?,?$", re.M)
_GETTER: Final = re.compile(r'@pulumi\.getter\(name="(\w+)"\)\n    def (\w+)\(')
_TOKEN: Final = re.compile(
    r'^@pulumi\.type_token\("([\w-]+:[\w/]+:\w+)"\)\nclass (\w+)\(pulumi\.CustomResource\)', re.M
)
_PLAIN: Final = {
    "_builtins.str": TEXT,
    "_builtins.int": INTEGER,
    "_builtins.float": NUMBER,
    "_builtins.bool": FLAG,
}


@dataclass(frozen=True, eq=False)
class Input:
    """A value as the SDK types it. `required` says whether the SDK requires it."""

    kind: str
    required: bool = False
    element: Input | None = None
    group: Group | None = None
    options: tuple[str, ...] = ()
    """The only accepted values, if the SDK's documentation lists them."""


@dataclass(frozen=True, eq=False)
class Group:
    """A class of inputs: of a resource, or of a block within its inputs."""

    name: str
    module: Module
    parameters: str
    body: str

    @cached_property
    def inputs(self) -> Mapping[str, Input]:
        """Property, as named in a plan -> its type."""
        names = {snake: camel for camel, snake in _GETTER.findall(self.body)}
        return {
            names.get(name, name): self.module.input(
                type_, required="Optional[" not in type_[:24], options=self._options.get(name, ())
            )
            for name, type_ in _PARAMETER.findall(self.parameters)
        }

    @cached_property
    def _options(self) -> Mapping[str, tuple[str, ...]]:
        """Parameter -> its accepted values, if its documentation lists them."""
        found: dict[str, tuple[str, ...]] = {}
        for name, description in _DOCUMENTED.findall(self.body) if _LISTING in self.body else ():
            if name not in found and (listed := _LISTED.search(re.sub(r"^ +", "", description, flags=re.M))):
                # The documentation writes underscores as asterisks, because it takes them for emphasis.
                options = re.findall(r'"([^"]*)"', listed[1])
                found[name] = tuple(re.sub(r"(?<=\w)\*(?=\w)", "_", one) for one in options)
        return found


class Module:
    """A folder of the SDK."""

    def __init__(self, text: str) -> None:
        self._groups = {name: Group(name, self, head, body) for name, head, body in _CLASS.findall(text)}

    def input(self, type_: str, *, required: bool, options: tuple[str, ...] = ()) -> Input:
        """Return the type that an annotation says."""
        type_ = _unwrapped(type_)
        if type_ in _PLAIN:
            return Input(_PLAIN[type_], required, options=options)
        for prefix, kind in (("Sequence[", LIST), ("Mapping[str, ", MAP)):
            if type_.startswith(prefix):
                return Input(kind, required, self.input(type_[len(prefix) : -1], required=True, options=options))
        if type_.startswith("Union["):
            # A text or an enumeration; or a block or its dictionary form.
            parts = [part.strip() for part in type_[len("Union[") : -1].split(",")]
            if "Sequence[" in type_:
                return Input(ANY, required)
            return self.input(parts[0], required=required, options=options)
        name = type_.strip("'").removesuffix("Args")
        return Input(OBJECT, required, group=self._groups[name]) if name in self._groups else Input(ANY, required)

    def group(self, name: str) -> Group | None:
        """Return a class of inputs by its name without `Args`."""
        return self._groups.get(name)


_AROUND: Final = ("Optional[", "pulumi.Input[")


def _unwrapped(type_: str) -> str:
    while type_.startswith(_AROUND):
        type_ = type_[type_.index("[") + 1 : -1]
    return type_


_DOCUMENTED: Final = re.compile(r'^ +:param [^\n]*\] (\w+): (.*?)(?=^ +:param|^ +""")', re.M | re.S)
_LISTING: Final = "Available values: "
_LISTED: Final = re.compile(rf'^{_LISTING}((?:"[^"]*"(?:, )?)+)\.$', re.M)
"""How Cloudflare's SDK documents an enumeration; both come from Cloudflare's OpenAPI schema
(https://developers.cloudflare.com/api/)."""


def sdk(provider: str) -> Source:
    """Return an installed Pulumi SDK (`aws`, `cloudflare`) with its files that hold inputs."""
    return Source(
        f"pulumi-{provider}",
        lambda folder: (file for file in (folder / f"pulumi_{provider}").rglob("*.py") if file.name not in _NO_INPUTS),
    )


_NO_INPUTS: Final = ("outputs.py", "__init__.py")


def resources(source: Source) -> Iterator[tuple[str, Group]]:
    """Yield the token and the inputs of each resource type of an SDK."""
    by_folder = sorted(source.files, key=lambda file: (file.parent, file.name))
    for _, files in groupby(by_folder, key=lambda file: file.parent):
        texts = [file.read_text(encoding="utf-8") for file in files]
        module = Module("".join(texts))
        for text in texts:
            for token, name in _TOKEN.findall(text):
                # If a class has an alternative constructor, its inputs are in the class with the longer name.
                if group := module.group(f"{name}Init") or module.group(name):
                    yield token, group
