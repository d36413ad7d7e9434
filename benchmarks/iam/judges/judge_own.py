"""The pack."""

from __future__ import annotations

import gc

from benchmarks.iam.judges import harness
from corpus import pack


def load(_: str) -> harness.Judge:
    """Load the pack and return how it judges; there is one mode."""
    judge = pack.load()
    gc.freeze()  # as the pack does when the engine starts it (`rulebook.start`)
    return judge


harness.run(load)
