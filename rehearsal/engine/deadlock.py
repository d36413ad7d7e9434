"""An event loop that detects a program that waits for itself.

The SDK itself reports a resource that depends on itself or on its own component. But if the cycle includes a resource
outside of the component, it waits forever, on the real engine as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import threading
from collections.abc import Coroutine

from rehearsal.engine.program_fault import ProgramFault


class _Wakeable(selectors.DefaultSelector):
    """Raises ProgramFault instead of waiting when nothing can happen: no timer, no open file and no running thread."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        only_its_own = len(self.get_map()) <= 1  # the file with which a thread wakes the loop
        # Libraries' threads are daemons, and the end of a preview doesn't wait for them.
        at_work = [thread for thread in threading.enumerate() if not thread.daemon]
        if timeout is None and only_its_own and at_work == [threading.current_thread()]:
            resources = ", ".join(_waiting()) or "something"
            raise ProgramFault(
                f"the program waits for itself: {resources} can never be registered. A resource in a component can't "
                "use anything that depends on that component, directly or indirectly: name single resources in "
                "`depends_on`, or create the resource outside of the component"
            )
        return super().select(timeout)


def event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that raises ProgramFault when none of its tasks can ever continue."""
    return asyncio.SelectorEventLoop(_Wakeable())


def run(program: Coroutine[object, object, None], loop: asyncio.AbstractEventLoop) -> None:
    """Run the program on such a loop until it ends; its exceptions are propagated."""
    task = loop.create_task(program)
    try:
        loop.run_until_complete(task)
    except ProgramFault:
        if not task.done():  # its clean-up needs a running loop
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        raise


def _waiting() -> list[str]:
    """Return the name and type of each waiting resource, sorted, if the SDK's coroutines have them."""
    frames = (getattr(task.get_coro(), "cr_frame", None) for task in asyncio.all_tasks(asyncio.get_event_loop()))
    known = [frame.f_locals for frame in frames if frame is not None]
    return sorted({f"`{each['name']}` ({each['ty']})" for each in known if "name" in each and "ty" in each})
