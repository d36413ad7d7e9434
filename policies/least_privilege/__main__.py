"""The least-privilege pack, as the engine starts it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from least_privilege import RULES
from rulebook import start

start("least-privilege", RULES, "Nobody may do more than its purpose needs, and nobody else may do it in its name.")
