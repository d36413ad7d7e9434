"""The pack."""

from __future__ import annotations

from benchmarks.iam.judges import harness
from corpus import pack


def load(_: str) -> harness.Judge:
    """Load the pack and return how it judges; there is one mode."""
    from policies.rulebook.pack import spare_collector

    judge = pack.load()
    spare_collector()  # as the pack does when the engine starts it
    return judge


harness.run(load)
