"""The naming pack, as the engine starts it."""

import gc
import sys
from pathlib import Path

gc.disable()  # Nothing that an import allocates is garbage; `start` puts the collector to work.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from naming import RULES
from rulebook import start

start(
    "naming", RULES, "Names, tags and hosts say which environment they belong to, and nobody's name is left to chance."
)
