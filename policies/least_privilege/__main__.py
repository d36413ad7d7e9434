"""The least-privilege pack, as the engine starts it."""

import gc
import sys
from pathlib import Path
from types import ModuleType

gc.disable()  # Imports create no garbage; `start` turns the collector on.
# The engine runs this file by itself. The rulebook is in the parent folder, whatever the name of that is.
FOLDER = Path(__file__).resolve().parents[1]
if not (FOLDER / "rulebook").is_dir():
    sys.exit(f"error: there is no folder `rulebook` in {FOLDER}; every pack needs it beside its own folder")
sys.modules["policies"] = ModuleType("policies")
sys.modules["policies"].__path__ = [str(FOLDER)]

from policies.least_privilege import RULES
from policies.rulebook import start

start(
    "least-privilege",
    RULES,
    "No principal is allowed more than its purpose needs, and no other principal can act in its name.",
)
