"""Matches resource types and their properties with shapes of AWS's models, by their names.

Names are compared without case, hyphens and underscores. A property matches a member of a shape if the names are equal,
or equal after putting the name of its owner before it (`name` of a role is `RoleName`) or a word for settings after it
(`config`, `configuration`), or if one is the plural of the other. Nothing else is guessed.
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
"""Beginnings of operations that create or change something, those that create first."""

_SETTINGS: Final = ("config", "configuration")
_WRAPPER: Final = re.compile(r"(?:config|configuration|controls)$")
_LISTED: Final = frozenset({"Items", "Quantity"})
"""The members of the objects that CloudFront wraps lists in
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
        """Return the CloudFormation type of a resource type: the given one, else the one with the same name."""
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
        """Return the operations that create or change a resource type, with their inputs: given, or found by name."""
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
    """Return the module of a type, and the names that the same type may have in AWS's models."""
    _, place, name = token.split(":")
    module = place.partition("/")[0]
    own = plain(name)
    bare = re.sub(r"v\d$", "", own)
    names = [*_equals(own), *_equals(bare), own.removeprefix(module), f"{module}{own}"]
    return module, [name for name in dict.fromkeys(names) if name]


def member(shape: Shape, name: str, owners: Sequence[str]) -> Shape | None:
    """Return the member of a shape that matches a property, None if none does.

    `owners` are the plain names of the blocks and the type that the property is in.
    """
    found = place(shape, name, owners)
    return found[1] if found else None


def place(shape: Shape, name: str, owners: Sequence[str]) -> tuple[tuple[str, ...], Shape] | None:
    """Return the same with the path to it: one name, or two if the model puts the member into a separate block."""
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
    """Return the blocks of settings that a model has and Terraform flattens."""
    return [
        ((key,), below) for key, below in shape.members.items() if below.kind == OBJECT and _WRAPPER.search(plain(key))
    ]


def fitted(shape: Shape | None, kind: str) -> Shape | None:
    """Return the shape that corresponds to a kind of the SDK: for example, the list within a wrapper around a list.

    None if the kinds have nothing in common.
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
