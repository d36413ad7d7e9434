"""The inputs of a type, according to the installed SDKs."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from pulumi import _types

from components import sdk_on_demand

sdk_on_demand.install()  # loading all of Cloudflare's SDK takes seconds
_SDKS: Final = {"aws": "pulumi_aws", "cloudflare": "pulumi_cloudflare"}
_ARGS: Final = re.compile(r"(\w+Args)\b")


@cache
def inputs(type_: str) -> dict[str, str]:
    """Return path -> docstring of each input of a type, nested ones too.

    The path of a block that contains itself ends in `**`, and so does an input that may be a text or an object.
    """
    package, module, name = type_.split(":")
    folder = module.partition("/")[0]
    folder = "lambda_" if folder == "lambda" else folder  # a keyword of Python
    if package == "pulumi":
        package, folder, name = name, "", "Provider"
    resource = getattr(importlib.import_module(f"{_SDKS[package]}.{folder}".removesuffix(".index").rstrip(".")), name)
    scope = vars(sys.modules[resource.__module__])
    return dict(_paths(scope.get(f"{name}InitArgs") or scope[f"{name}Args"], "", ()))


def _paths(args: type, above: str, within: tuple[type, ...]) -> Iterator[tuple[str, str]]:
    for python, name in _types.input_type_py_to_pulumi_names(args).items():
        getter: Any = inspect.getattr_static(args, python).fget
        annotation = str(getter.__annotations__["return"])
        path = f"{above}.{name}" if above else name
        nested = _ARGS.search(annotation)
        block = _block(args, nested[1]) if nested and "'str'" not in annotation else None
        if block and block not in within:
            yield from _paths(block, path, (*within, block))
        else:
            # A document can be a text, or an object from another module.
            yield (f"{path}.**" if nested or "Mapping[" in annotation else path), getter.__doc__ or ""


def _block(args: type, name: str) -> type | None:
    modules = (args.__module__, f"{args.__module__.rpartition('.')[0]}._inputs")
    return next(filter(None, (getattr(sys.modules[module], name, None) for module in modules)), None)
