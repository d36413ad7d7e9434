"""What a resource type computes: the attributes that a provider answers with and nobody gives.

Taken from the resource classes of the installed SDKs, so that it needs no table of its own and fits their version.
The embedded engine answers them as unknown; the stand-in providers of the engine tests do so in a preview and make
values up when a resource is created.
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
    """Return the attributes that a resource of a type always has, each with its Python type.

    Always has: the SDK class doesn't declare it optional. Among them are inputs that have to be given; what is computed
    of a resource is what it isn't given. Empty for a type whose SDK isn't loaded.
    """
    package, module, name = type_.split(":")
    for registered in rpc._RESOURCE_MODULES.get(f"{package}:{module}", []):
        information = getattr(registered, "mod_info", {})
        resource = getattr(
            importlib.import_module(information["fqn"]), information.get("classes", {}).get(type_, name), None
        )
        if resource is not None:
            hints = {key: typing.get_args(hint) for key, hint in _types._raw_return_hints(resource).items()}
            return {key: args[0] for key, args in hints.items() if args and type(None) not in typing.get_args(args[0])}
    return {}
