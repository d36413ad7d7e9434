"""Waits for a program's outputs all at once.

At a program's end the SDK waits for the first output to be done, then for the first of those that are left, and so on.
Each time it looks at all that are left: 35,000 looks in a plan of 169 resources.
"""

from __future__ import annotations

import asyncio

import pulumi.runtime.settings
import pulumi.runtime.stack

_wait_for_rpcs = pulumi.runtime.stack.wait_for_rpcs


def wait_together() -> None:
    """Have the SDK wait for all outputs at once from here on."""
    vars(pulumi.runtime.stack)["wait_for_rpcs"] = _wait


async def _wait() -> None:
    """Wait for all requests, then for all outputs, then for what these have led to; a failure comes through."""
    await _wait_for_rpcs(await_all_outstanding_tasks=False)
    while waiting := [task for task in pulumi.runtime.settings.SETTINGS.outputs if not task.done()]:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            await task
    await _wait_for_rpcs()
