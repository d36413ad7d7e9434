"""Which shapes of AWS's models a resource type and its properties are, told by their names.

Names are compared without case, hyphens and underscores. A property is a member of a shape when the names are equal,
or equal once the name of what it is in comes before the property's (`name` of a role is `RoleName`), or a word that
stands for "settings of" comes after it, or one of them is the other's plural. Nothing else is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from policies.acceptance.knowledge.models import ANY, INTEGER, LIST, MAP, NUMBER, OBJECT, Api, Schema, Shape

_VERBS: Final = (
    *("Create", "Put", "Register", "Request", "Allocate", "Import", "Publish", "Run", "Start", "Enable", "Associate"),
    *("Attach", "Add", "Authorize", "Set", "Modify", "Update"),
)
"""How the operations begin that make or change something; what makes comes first."""

_SETTINGS: Final = ("config", "configuration")
_WRAPPER: Final = re.compile(r"(?:config|configuration|controls)$")
_LISTED: Final = frozenset({"Items", "Quantity"})
"""What CloudFront puts around each list
(https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_Aliases.html)."""


def plain(name: str) -> str:
    """Return a name without case and punctuation.

    >>> plain("OpenIDConnect-provider")
    'openidconnectprovider'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _equals(name: str) -> Iterator[str]:
    yield name
    yield name.removesuffix("s") if name.endswith("s") else f"{name}s"
    if name.endswith("ies"):
        yield f"{name[:-3]}y"


class Services:
    """The models of both sources, by service."""

    def __init__(
        self, apis: Iterable[Api], schemas: Iterable[Schema], modules: Mapping[str, Mapping[str, Sequence[str]]]
    ) -> None:
        self._modules = modules
        self._apis = {plain(api.name): api for api in apis}
        self._schemas: dict[str, dict[str, Schema]] = {}
        for schema in schemas:
            _, service, name = schema.name.split("::")[:3]
            self._schemas.setdefault(plain(service), {})[plain(name)] = schema

    def schema(self, token: str, named: str | None = None) -> Schema | None:
        """Return the CloudFormation type of a resource type: the one named, else the one of the same name."""
        if named is not None:
            _, service, name = named.split("::") if named else ("", "", "")
            return self._schemas.get(plain(service), {}).get(plain(name))
        module, names = _names(token)
        services = self._modules.get(module, {}).get("schemas", [module])
        for service in map(plain, services):
            found = self._schemas.get(service, {})
            if hit := next((found[name] for name in names if name in found), None):
                return hit
        return None

    def operations(self, token: str, named: Sequence[str] | None = None) -> list[tuple[str, Shape]]:
        """Return the operations that make or change a resource type, with their inputs: those named, else by name."""
        if named is not None:
            pairs = [tuple(one.split(".")) for one in named]
            found = [(self._apis[plain(api)], operation) for api, operation in pairs]
        else:
            module, names = _names(token)
            apis = [self._apis.get(plain(api)) for api in self._modules.get(module, {}).get("apis", [module])]
            found = [
                (api, operation)
                for api in apis
                if api
                for verb in _VERBS
                for operation in sorted(api.operations)
                if operation.startswith(verb) and plain(operation[len(verb) :]) in names
            ]
        return [(f"{api.name} {operation}", shape) for api, operation in found if (shape := api.input(operation))]


def _names(token: str) -> tuple[str, list[str]]:
    """Return the module of a type, and the names that the same thing may have elsewhere."""
    _, place, name = token.split(":")
    module = place.partition("/")[0]
    own = plain(name)
    bare = re.sub(r"v\d$", "", own)
    names = [*_equals(own), *_equals(bare), own.removeprefix(module), f"{module}{own}"]
    return module, [name for name in dict.fromkeys(names) if name]


def member(shape: Shape, name: str, owners: Sequence[str]) -> Shape | None:
    """Return the member of a shape that a property is, None if none has such a name.

    `owners` are the plain names of what the property is in.
    """
    found = place(shape, name, owners)
    return found[1] if found else None


def place(shape: Shape, name: str, owners: Sequence[str]) -> tuple[tuple[str, ...], Shape] | None:
    """Return the same with the names that lead to it: one, or two where a model puts it into a block of its own."""
    for path, around in [((), shape), *_wrapped(shape)]:
        members = {plain(key): (key, value) for key, value in around.members.items()}
        for wanted in _wanted(plain(name), owners):
            if wanted in members:
                key, value = members[wanted]
                return (*path, key), value
    return None


def _wanted(name: str, owners: Sequence[str]) -> Iterator[str]:
    yield from _equals(name)
    for owner in owners:
        yield f"{owner}{name}"
    for one in _equals(name):
        yield from (f"{one}{word}" for word in _SETTINGS)


def _wrapped(shape: Shape) -> list[tuple[tuple[str, ...], Shape]]:
    """Return the settings that a model puts into a block of their own, and Terraform doesn't."""
    return [
        ((key,), below) for key, below in shape.members.items() if below.kind == OBJECT and _WRAPPER.search(plain(key))
    ]


def fitted(shape: Shape | None, kind: str) -> Shape | None:
    """Return a shape as the SDK has it: without what is put around a list, one for a list of one, and so on.

    None where the kinds have nothing in common.
    """
    if shape is None or kind == ANY or shape.kind == ANY:
        return None
    if shape.kind == OBJECT and shape.members.keys() & _LISTED == _LISTED and kind in (LIST, MAP):
        return fitted(shape.members["Items"], kind)
    if shape.kind == kind or {shape.kind, kind} == {INTEGER, NUMBER}:
        return shape
    if shape.kind == LIST and kind == OBJECT:
        return fitted(shape.element, kind)
    if shape.kind == LIST and kind == MAP and shape.element and shape.element.kind == OBJECT:
        return shape if {"Key", "Value"} <= shape.element.members.keys() else None
    if shape.kind == OBJECT and kind == LIST:
        lists = [below for below in shape.members.values() if below.kind == LIST]
        return lists[0] if len(shape.members) == 1 and lists else shape
    return None
