"""Dies while it starts."""

import sys

print("no rules today", file=sys.stderr)
sys.exit(3)
