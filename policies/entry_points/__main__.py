"""The entry-points pack, as the engine starts it."""

import gc
import sys
from pathlib import Path

gc.disable()  # Nothing that an import allocates is garbage; `start` puts the collector to work.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from entry_points import RULES
from rulebook import start

start("entry-points", RULES, "One guarded way in, and nothing else that the internet reaches.")
