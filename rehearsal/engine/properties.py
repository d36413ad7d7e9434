"""Converts property values of the protocol, in which unknowns, secrets and references are marked.

The marks are defined in sdk/go/common/resource/properties.go of pulumi/pulumi.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeGuard, cast

from stackfiles.json_type import Json
from stackfiles.plan_document import SECRET, UNKNOWN

if TYPE_CHECKING:
    from google.protobuf import struct_pb2

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_MARK: Final[Mapping[str, str]] = {_SIGNATURE: "1b47061264138c4ac30d75fd1eb44270"}
"""Marks an object as a secret; the object also has a `value`."""
_REFERENCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def secret(value: Json) -> dict[str, Json]:
    """Return a value marked as secret."""
    return {**SECRET_MARK, "value": value}


def is_secret(value: Json) -> TypeGuard[dict[str, Json]]:
    """Return whether a value is marked as secret."""
    return isinstance(value, dict) and SECRET_MARK.items() <= value.items()


def to_output_value(value: Json, dependencies: Sequence[str] = ()) -> Json:
    """Return a value with each secret and each unknown as an output, which transforms expect.

    With `dependencies` (URNs), the value as a whole is an output.
    """
    marks: dict[str, Json] = {"dependencies": list(dependencies)} if dependencies else {}
    if is_secret(value):
        value, marks = value["value"], {**marks, "secret": True}
    if value == UNKNOWN:
        return {_SIGNATURE: _OUTPUT, **marks}
    if isinstance(value, dict):
        value = {key: to_output_value(item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [to_output_value(item) for item in value]
    return {_SIGNATURE: _OUTPUT, "value": value, **marks} if marks else value


def from_output_values(value: Json) -> tuple[Json, set[str]]:
    """Return a transform's result without output marks, and the URNs that its outputs depend on."""
    urns: set[str] = set()

    def plain(value: Json) -> Json:
        if isinstance(value, dict) and value.get(_SIGNATURE) == _OUTPUT:
            urns.update(map(str, cast(list[Json], value.get("dependencies", []))))
            inner = plain(value["value"]) if "value" in value else UNKNOWN
            return secret(inner) if value.get("secret") else inner
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    return plain(value), urns


def masked(value: Json) -> Json:
    """Return a value with each secret as `[secret]`, as `pulumi preview --json` shows it."""
    if is_secret(value):
        return SECRET
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def pack_value(value: Json) -> Json:
    """Return a value as the engine shows it to a pack: a reference to a resource becomes its id or URN."""
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _REFERENCE:
            return (value["id"] or UNKNOWN) if "id" in value else value["urn"]
        return {key: pack_value(item) for key, item in value.items()}
    return [pack_value(item) for item in value] if isinstance(value, list) else value


def pack_properties(properties: Mapping[str, Json], *, custom: bool) -> dict[str, Json]:
    """Return a resource's properties as packs judge them: without the engine's own, which start with `__`.

    In a custom resource, a list that contains a secret becomes a secret as a whole: the provider's Check returns inputs
    without marks, and the engine then marks secrets again, but not within lists (`annotateSecrets` in
    sdk/go/common/resource/plugin/provider_plugin.go of pulumi/pulumi).
    """
    shown = {key: pack_value(value) for key, value in properties.items() if not key.startswith("__")}
    return {key: _checked(value) for key, value in shown.items()} if custom else shown


def _checked(value: Json) -> Json:
    if is_secret(value):
        return value
    if isinstance(value, dict):
        return {key: _checked(item) for key, item in value.items()}
    if isinstance(value, list):
        plain = _unmarked(value)
        return value if plain == value else secret(plain)
    return value


def _unmarked(value: Json) -> Json:
    if is_secret(value):
        return _unmarked(value["value"])
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items()}
    return [_unmarked(item) for item in value] if isinstance(value, list) else value


def from_struct(struct: struct_pb2.Struct) -> dict[str, Json]:
    """Return a message's properties; whole numbers become `int`, which the engine writes as well."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Json:
    match value.WhichOneof("kind"):
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def to_struct(properties: Mapping[str, Json]) -> struct_pb2.Struct:
    """Return properties as a message."""
    from google.protobuf import struct_pb2

    struct = struct_pb2.Struct()
    struct.update(properties)
    return struct
