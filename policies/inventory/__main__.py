"""Starts the inventory pack for the engine."""

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

from policies.inventory import RULES
from policies.rulebook import start

start("inventory", RULES, "What a stack may hold, and the facts that its owners pin. Anything else doesn't pass.")
