"""Starts the gate for the engine, which is given this folder (`python -m pulumi.policy`) or the program `serve`."""

import gc
import os
import sys
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

gc.disable()  # Nothing that an import allocates is garbage; `serve` turns the collector on again.
# The engine starts this file alone. The packs are those in the folder above, even if this one is a symbolic link.
FOLDER = Path(__file__).absolute().parents[1]
if not (FOLDER / "rulebook").is_dir():
    sys.exit(f"error: there is no folder `rulebook` in {FOLDER}; every pack needs it beside its own folder")
sys.modules["policies"] = ModuleType("policies")
sys.modules["policies"].__path__ = [str(FOLDER)]
# Packs use only the SDK's protocol messages. If the SDK isn't loaded yet, empty packages stand in for the ones around
# these, because loading them takes longer than loading all packs.
for name in ("pulumi", "pulumi.runtime"):
    if name not in sys.modules and (spec := find_spec(name)):
        sys.modules[name] = module_from_spec(spec)

from policies.gate import packs
from policies.rulebook import BadConfiguration, serve

try:
    stack = os.environ.get("PULUMI_STACK", "")
    serve("gate", packs(FOLDER, stack), "Every policy pack of this project, served as one.", stack)
except BadConfiguration as error:
    print(error, file=sys.stderr)
    sys.exit(BadConfiguration.exit_code)
