"""The pack; in the mode `told` it also composes the words of its findings."""

from __future__ import annotations

from benchmarks.iam.judges import harness
from corpus import pack


def load(mode: str) -> harness.Judge:
    """Load the pack and return its judge in a mode."""
    from policies.rulebook.pack import spare_collector

    judge = pack.load(reads=mode == "told")
    spare_collector()  # as the pack does when the engine starts it
    return judge


harness.run(load)
