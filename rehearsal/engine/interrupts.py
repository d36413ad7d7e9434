"""Handles the interruption of a command by Ctrl-C, `kill` or the end of its terminal."""

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
"""Seconds after which an interrupt is raised again. Python drops an exception in one of its own callbacks, and loading
a module runs many of these."""


def raise_keyboard_interrupts() -> None:
    """Turn each of the signals into a KeyboardInterrupt, so that the packs are stopped before the command ends."""
    for number in (*_heeded(), signal.SIGALRM):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _report_dropped


def settle() -> None:
    """End the handling of an interrupt: everything that had to be stopped is stopped."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Defer interrupts until the end of the block."""
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
    # A second signal is ignored while the first one is handled, because it could interrupt the stopping of the packs.
    if number == signal.SIGALRM or not signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        raise KeyboardInterrupt


def _report_dropped(dropped: sys.UnraisableHookArgs) -> None:
    # An interrupt that Python drops is raised again by the timer.
    if not isinstance(dropped.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)


def _heeded() -> list[signal.Signals]:
    # A command under `nohup` ignores SIGHUP, and should continue to.
    return [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
