"""Loads what every plan needs, once, for the processes that are forked from here: over half of a plan's time.

As in a plan, `components` is loaded before the SDKs, so that only the parts that the program uses are loaded.

It also makes the SDK resolve the property types of each class that the program uses, and of the objects in these. The
SDK does that when it first meets a class, and caches the result.
"""

import gc
import sys
from importlib import import_module
from operator import attrgetter
from typing import Final, get_args

from pulumi import _types

from tests.sdk_names import sdk_names

_LOADED_BY_A_PLAN: Final = """
    grpc.experimental jsonschema pulumi.runtime.proto.analyzer_pb2_grpc
    pydantic.fields pydantic.json_schema pydantic.main pydantic.types
    rehearsal.__main__ rehearsal.engine.analyzers rehearsal.engine.monitor rehearsal.reports.console
    stackfiles.yaml_file
""".split()

_DEPTH: Final = 2
"""How deep objects are followed: a plan has few that are nested deeper, and the SDK has hundreds."""


def work_out(used: type, depth: int) -> None:
    """Make the SDK resolve the property types of a class, and of the objects in them down to a depth."""
    for hint in _types._types_from_py_properties(used).values():
        for part in (hint, *get_args(hint)):
            if depth and isinstance(part, type) and _types.is_output_type(part):
                work_out(part, depth - 1)


gc.disable()  # nothing loaded here is garbage
import_module("components")  # makes the SDKs load on demand
for module in _LOADED_BY_A_PLAN:
    import_module(module)
for name in sdk_names():
    sdk, _, rest = name.partition(".")
    used = attrgetter(rest)(import_module(f"pulumi_{sdk}"))
    if isinstance(used, type):
        work_out(used, _DEPTH)
        if inputs := getattr(sys.modules[used.__module__], f"{used.__name__}Args", None):
            work_out(inputs, 0)
for name in [name for name in sys.modules if name.partition(".")[0] == "components"]:
    del sys.modules[name]  # each project has its own
gc.freeze()  # a fork then looks for garbage only in its own objects
gc.enable()
