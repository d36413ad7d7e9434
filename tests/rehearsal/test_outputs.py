"""The embedded engine waits for all of a program's outputs at once; the SDK would wait for one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import stack

from rehearsal.engine import outputs


@pytest.fixture(autouse=True)
def _sdk_as_before() -> Iterator[None]:
    before = dict(vars(stack))
    yield
    vars(stack).update(before)


def run(program: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a program, wait for its outputs as at its end, and return the number of waits."""
    looks = 0
    wait = asyncio.wait

    async def counted(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as there
        nonlocal looks
        looks += 1
        return await wait(*arguments, **options)

    async def whole() -> None:
        program()
        await vars(stack)["wait_for_rpcs"]()

    monkeypatch.setattr(asyncio, "wait", counted)
    asyncio.run(whole())
    return looks


def output(value: Awaitable[int]) -> pulumi.Output[int]:
    """Return an output whose value is still to come."""
    made: pulumi.Output[int] = pulumi.Output.from_input(cast(int, value))
    return made


async def later(turns: int) -> int:
    """Return after this many turns of the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return turns


def one_after_the_other() -> None:
    """Create outputs that finish at different times."""
    for number in range(30):
        output(later(10 * number))


def test_all_outputs_are_waited_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = run(one_after_the_other, monkeypatch)
    outputs.wait_together()
    assert run(one_after_the_other, monkeypatch) * 10 < one_by_one


def test_a_failed_output_is_reported_while_another_never_finishes(monkeypatch: pytest.MonkeyPatch) -> None:
    def program() -> None:
        output(asyncio.get_running_loop().create_future())
        output(later(1)).apply(lambda number: number / 0)

    outputs.wait_together()
    with pytest.raises(ZeroDivisionError):
        run(program, monkeypatch)


def test_the_sdk_still_calls_the_function_that_is_replaced() -> None:
    assert "wait_for_rpcs" in stack.run_pulumi_func.__code__.co_names
