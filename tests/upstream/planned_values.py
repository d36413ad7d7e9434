"""How a provider's answer in a preview differs from the inputs that it was given.

The embedded engine and the stand-ins answer a preview with the inputs. A real provider answers with planned values, and
stack rules see those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf import json_format, struct_pb2

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def differences(given: struct_pb2.Struct, answered: struct_pb2.Struct) -> Mapping[str, str]:
    """Return input -> how the answer has it: `unknown` as a whole, `gone`, `completed` or `changed`.

    `completed`: all that was given is there, and more beside it. Names only, never a value.
    """
    before, after = json_format.MessageToDict(given), json_format.MessageToDict(answered)
    found = {}
    for name, value in before.items():
        if name.startswith("__") or after.get(name) == value:
            continue
        if name not in after:
            found[name] = "gone"
        elif after[name] == UNKNOWN:
            found[name] = "unknown"
        else:
            found[name] = "completed" if _holds(after[name], value) else "changed"
    return found


def _holds(whole: object, part: object) -> bool:
    """Tell whether a value has all that another one has."""
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(key in whole and _holds(whole[key], value) for key, value in part.items())
    if isinstance(whole, list) and isinstance(part, list):
        return len(whole) == len(part) and all(map(_holds, whole, part))
    return whole == part
