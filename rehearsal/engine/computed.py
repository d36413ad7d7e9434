"""The computed attributes of a resource type: its provider returns them, and programs don't set them.

They are read from the resource classes of the installed SDKs, so they match their version without a table. The embedded
engine returns them as unknown. So do the stand-in providers of the engine tests in a preview; when a resource is
created, they invent values.
"""

from __future__ import annotations

import importlib
import threading
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pulumi import _types
from pulumi.runtime import rpc

_LOADING: Final = threading.Lock()
"""Held while an SDK's package is loaded. The SDKs load their packages on first use with `importlib.util.LazyLoader`,
which (seen with Python 3.11.7) shows other threads a package that is still being initialized:
https://github.com/python/cpython/issues/114763"""


def attributes(type_: str) -> Mapping[str, Any]:
    """Return the attributes that every resource of a type has, each with its Python type.

    These are the ones that the SDK class doesn't declare optional. They include required inputs; a resource's computed
    attributes are those that it isn't given. Empty for a type whose SDK isn't loaded. Thread-safe.
    """
    return {key: hint for key, hint in declared(type_).items() if type(None) not in typing.get_args(hint)}


def declared(type_: str) -> Mapping[str, Any]:
    """Return all attributes that the SDK's class of a type declares, including optional ones; empty as `attributes`."""
    with _LOADING:
        try:
            return _declared(type_)
        except LookupError:
            return {}


@cache
def _declared(type_: str) -> Mapping[str, Any]:
    """Return what `declared` returns.

    Raises:
        LookupError: no loaded SDK has the type. This isn't cached, since the SDK may be loaded later.
    """
    package, module, name = type_.split(":")
    for registered in rpc._RESOURCE_MODULES.get(f"{package}:{module}", []):
        information = getattr(registered, "mod_info", {})
        resource = getattr(
            importlib.import_module(information["fqn"]), information.get("classes", {}).get(type_, name), None
        )
        if resource is not None:
            hints = {key: typing.get_args(hint) for key, hint in _types._raw_return_hints(resource).items()}
            return {key: args[0] for key, args in hints.items() if args}
    raise LookupError(type_)
