"""How a command is interrupted: by Ctrl-C, `kill` or the end of its terminal."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Final

INTERRUPTED: Final = 130
"""Exit code of an interrupted command."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def raise_keyboard_interrupts() -> None:
    """Make each of the signals a KeyboardInterrupt, so that the packs are stopped on the way out."""
    for number in _heeded():
        signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Hold an interrupt back until the end of the block."""
    held: list[int] = []
    before = {number: signal.signal(number, lambda number, _: held.append(number)) for number in _heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if held:
        raise KeyboardInterrupt


def _heeded() -> list[signal.Signals]:
    # What runs under `nohup` outlives its terminal.
    return [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
