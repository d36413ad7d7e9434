"""The gate, as the engine starts it."""

import gc
import os
import sys
from pathlib import Path
from types import ModuleType

gc.disable()  # Nothing that an import allocates is garbage; `serve` puts the collector to work.
# The engine starts this file alone. The packs are those in the folder above, also where this one is a link.
FOLDER = Path(__file__).absolute().parents[1]
if not (FOLDER / "rulebook").is_dir():
    sys.exit(f"error: there is no folder `rulebook` in {FOLDER}; every pack needs it beside its own folder")
sys.modules["policies"] = ModuleType("policies")
sys.modules["policies"].__path__ = [str(FOLDER)]

from policies.gate import packs
from policies.rulebook import BadConfiguration, serve

try:
    served = packs(FOLDER, os.environ.get("PULUMI_STACK", ""))
    serve("gate", served, "Every policy pack of this project, served as one.")
except BadConfiguration as error:
    print(error, file=sys.stderr)
    sys.exit(BadConfiguration.exit_code)
