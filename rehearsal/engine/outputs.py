"""Waits for all of a program's outputs at once.

At the end of a program, the SDK waits for one output after the other. Each time it checks all that are left, which is
35,000 checks in a plan of 169 resources.
"""

from __future__ import annotations

import asyncio

import pulumi.runtime.settings
import pulumi.runtime.stack

_wait_for_rpcs = pulumi.runtime.stack.wait_for_rpcs


def wait_together() -> None:
    """Make the SDK wait for all outputs at once from now on."""
    vars(pulumi.runtime.stack)["wait_for_rpcs"] = _wait


async def _wait() -> None:
    """Wait for all requests, then for all outputs, then for requests that these caused; failures are propagated."""
    await _wait_for_rpcs(await_all_outstanding_tasks=False)
    while waiting := [task for task in pulumi.runtime.settings.SETTINGS.outputs if not task.done()]:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            await task
    await _wait_for_rpcs()
