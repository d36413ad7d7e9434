"""The pack; in the mode `told` it also makes the words of what it finds."""

from __future__ import annotations

from benchmarks.iam.judges import harness
from corpus import pack


def load(mode: str) -> harness.Judge:
    """Load the pack and return how it judges in a mode."""
    from policies.rulebook.pack import spare_collector

    judge = pack.load(reads=mode == "told")
    spare_collector()  # as the pack does when the engine starts it
    return judge


harness.run(load)
