"""How a command is interrupted: by Ctrl-C, `kill` or the end of its terminal."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Final

INTERRUPTED: Final = 130
"""Exit code of an interrupted command."""

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_AGAIN: Final = 1.0
"""Seconds after which an interrupt is raised once more. Python drops one that is raised in a callback of its own, of
which loading a module has many."""


def raise_keyboard_interrupts() -> None:
    """Make each of the signals a KeyboardInterrupt, so that the packs are stopped on the way out."""
    for number in (*_heeded(), signal.SIGALRM):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _report_what_is_dropped


def settle() -> None:
    """Let an interrupt be over: it has been noticed, and what had to be stopped is stopped."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Hold an interrupt back until the end of the block."""
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: held.append(number)) for number in (*_heeded(), signal.SIGALRM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if held:
        _interrupt(signal.SIGALRM, None)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    # A second signal adds nothing to a first one that isn't over, and could come in the midst of stopping the packs.
    if number == signal.SIGALRM or not signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        raise KeyboardInterrupt


def _report_what_is_dropped(dropped: sys.UnraisableHookArgs) -> None:
    # An interrupt that Python drops is raised again.
    if not isinstance(dropped.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)


def _heeded() -> list[signal.Signals]:
    # What runs under `nohup` outlives its terminal.
    return [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
