"""Starts the acceptance pack for the engine."""

import gc
import sys
from pathlib import Path
from types import ModuleType

gc.disable()  # Nothing that an import allocates is garbage; `start` turns the collector on again.
# The engine starts this file alone; the rulebook is in the folder above, whatever that is called.
FOLDER = Path(__file__).resolve().parents[1]
if not (FOLDER / "rulebook").is_dir():
    sys.exit(f"error: there is no folder `rulebook` in {FOLDER}; every pack needs it beside its own folder")
sys.modules["policies"] = ModuleType("policies")
sys.modules["policies"].__path__ = [str(FOLDER)]

from policies.acceptance import RULES
from policies.rulebook import start

start("acceptance", RULES, "Values that AWS or Cloudflare would refuse are found before they are sent.")
