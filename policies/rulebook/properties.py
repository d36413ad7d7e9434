"""Reads property values as the engine sends them: unknowns, secrets and assets travel as marked values.

The marks are in sdk/go/common/resource/properties.go and sdk/go/common/resource/plugin/rpc.go of pulumi/pulumi. The
engine sends secrets marked (`KeepSecrets` in pkg/resource/plugin/analyzer_plugin.go); rules need to see which are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.rulebook.resource import ASSET, UNKNOWN, Json, SecretText

if TYPE_CHECKING:
    from google.protobuf.struct_pb2 import Struct, Value

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
_UNKNOWN: Final = frozenset(
    (
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # a string, and what computed values are sent as today
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # an array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # an object
    )
)


def read(properties: Struct) -> dict[str, Json]:
    """Return properties as plain values: `UNKNOWN` for an unknown one, `SecretText` for each text within a secret.

    A value with any other mark is `ASSET`, which no accessor of `Resource` takes for anything else.
    """
    return {name: _read(value, secret=False) for name, value in properties.fields.items()}


def _read(value: Value, *, secret: bool) -> Json:
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            if text in _UNKNOWN:
                return UNKNOWN
            return SecretText(text) if secret else text
        case "struct_value":
            fields = value.struct_value.fields
            if _SIGNATURE not in fields:
                return {name: _read(item, secret=secret) for name, item in fields.items()}
            is_secret = fields[_SIGNATURE].string_value == _SECRET and "value" in fields
            return _read(fields["value"], secret=True) if is_secret else ASSET
        case "list_value":
            return [_read(item, secret=secret) for item in value.list_value.values]
        case "number_value":
            return value.number_value
        case "bool_value":
            return value.bool_value
        case _:
            return None
