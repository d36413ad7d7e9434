"""The least-privilege pack, as the engine starts it."""

import gc
import sys
from pathlib import Path

gc.disable()  # Nothing that an import allocates is garbage; `start` puts the collector to work.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from least_privilege import RULES
from rulebook import start

start("least-privilege", RULES, "Nobody may do more than its purpose needs, and nobody else may do it in its name.")
