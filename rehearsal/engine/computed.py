"""The attributes that a resource type computes: its provider answers with them, and no program gives them.

They are read from the resource classes of the installed SDKs, and so fit their version without a table. The embedded
engine answers them as unknown. So do the stand-in providers of the engine tests in a preview; when a resource is
created, they make values up.
"""

from __future__ import annotations

import importlib
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from pulumi import _types
from pulumi.runtime import rpc


@cache
def attributes(type_: str) -> Mapping[str, Any]:
    """Return the attributes that every resource of a type has, each with its Python type.

    Those are the ones that the SDK class doesn't declare optional. They include required inputs; the computed
    attributes of a resource are those that it isn't given. Empty for a type whose SDK isn't loaded.
    """
    return {key: hint for key, hint in declared(type_).items() if type(None) not in typing.get_args(hint)}


@cache
def declared(type_: str) -> Mapping[str, Any]:
    """Return all attributes that the SDK's class of a type declares, the optional ones too."""
    package, module, name = type_.split(":")
    for registered in rpc._RESOURCE_MODULES.get(f"{package}:{module}", []):
        information = getattr(registered, "mod_info", {})
        resource = getattr(
            importlib.import_module(information["fqn"]), information.get("classes", {}).get(type_, name), None
        )
        if resource is not None:
            hints = {key: typing.get_args(hint) for key, hint in _types._raw_return_hints(resource).items()}
            return {key: args[0] for key, args in hints.items() if args}
    return {}
