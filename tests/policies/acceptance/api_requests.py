"""Translates a resource of a plan for AWS's models: an operation's input, or a CloudFormation type's properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from policies.acceptance.knowledge.matching import place, plain
from policies.acceptance.knowledge.models import LIST, MAP, OBJECT, Shape

Json = Any

_LISTED: Final = frozenset({"Items", "Quantity"})


def request(token: str, inputs: Mapping[str, Json], shape: Shape, aliases: Mapping[str, str]) -> dict[str, Json]:
    """Return inputs under a model's names, without those that the model lacks.

    `aliases` maps paths of the type to their paths in the model, where these differ (see `patches.yaml`).
    """
    made = _object(inputs, shape, [plain(token.rpartition(":")[2])])
    for path, moved in aliases.items():
        if (value := _at(inputs, path)) is not None and moved in shape.members:
            made[moved] = value
    return made


def _at(inputs: Json, path: str) -> Json:
    for step in path.split("."):
        inputs = inputs.get(step) if isinstance(inputs, Mapping) else None
    return inputs


def _object(value: Mapping[str, Json], shape: Shape, owners: Sequence[str]) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for name, item in value.items():
        if found := place(shape, name, owners):
            (*around, last), below = found
            target = made
            for step in around:
                target = target.setdefault(step, {})
            target[last] = _value(item, below, [plain(name), *owners])
    return made


def _value(value: Json, shape: Shape, owners: Sequence[str]) -> Json:
    if isinstance(value, Mapping):
        return _mapping(value, shape, owners)
    if not isinstance(value, list):
        return value
    if shape.kind == OBJECT and shape.members.keys() & _LISTED == _LISTED:
        items = _value(value, shape.members["Items"], owners)
        return {"Quantity": len(items), "Items": items}
    if shape.kind == LIST and shape.element:
        return [_value(item, shape.element, owners) for item in value]
    if shape.kind == OBJECT and len(value) == 1:
        return _value(value[0], shape, owners)
    return value


def _mapping(value: Mapping[str, Json], shape: Shape, owners: Sequence[str]) -> Json:
    if shape.kind == LIST and shape.element:
        if {"Key", "Value"} <= shape.element.members.keys():
            return [{"Key": key, "Value": item} for key, item in value.items()]
        return [_value(value, shape.element, owners)]
    if shape.kind == MAP or not shape.members:
        return dict(value)
    return _object(value, shape, owners)
