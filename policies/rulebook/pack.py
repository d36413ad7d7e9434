"""A pack: rules under a name, served to the engine."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from policies.rulebook.configuration import Configured
from policies.rulebook.rule import Rule

_NO_LIMIT: Final = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


@dataclass(frozen=True)
class Pack:
    """Rules under a name. `config` configures rules by their id; the engine's configuration overrides it."""

    name: str
    rules: Sequence[Rule]
    config: Mapping[str, Configured] = field(default_factory=dict)


def start(name: str, rules: Iterable[Rule], description: str) -> None:
    """Serve a pack to the engine. Returns when the engine ends the process."""
    serve(name, [Pack(name, tuple(rules))], description)


def serve(name: str, packs: Sequence[Pack], description: str, stack: str = "") -> None:
    """Serve several packs as one, whose violations carry the name of their own pack.

    `stack` is the stack that they are configured for; an engine that runs another one is refused.

    Raises:
        BadConfiguration: two rules have the same id.
    """
    # Imported here because code that only reads the rules needs no server.
    import grpc

    from policies.rulebook.analyzer import Analyzer, handler

    analyzer = Analyzer(name, packs, description, stack)
    spare_collector()
    # One worker: rules are plain Python, of which one runs at a time anyway.
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=_NO_LIMIT)
    server.add_generic_rpc_handlers((handler(analyzer),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    engine = os.getppid()
    print(port, flush=True)
    try:
        # An engine that is killed can't stop this process, which then gets another parent.
        while os.getppid() == engine:
            server.wait_for_termination(timeout=_ORPHANED)
    except KeyboardInterrupt:
        server.stop(None)


def spare_collector() -> None:
    """Make Python's garbage collector run rarely, and never look at what was loaded so far.

    Objects that rules create stay in caches or are freed by their reference counts, so the collector would find
    nothing.
    """
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS)
    gc.enable()


_ORPHANED: Final = 1.0
"""Seconds until a pack notices that its engine has gone."""

_ALLOCATIONS: Final = 100_000
"""Number of new objects after which the collector runs."""
