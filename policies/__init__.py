"""The policy packs. The engine finds a pack, and a pack its neighbours, by this folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
