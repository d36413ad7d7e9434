"""The naming pack, as the engine starts it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from naming import RULES
from rulebook import start

start(
    "naming", RULES, "Names, tags and hosts say which environment they belong to, and nobody's name is left to chance."
)
