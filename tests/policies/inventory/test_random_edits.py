"""Random edits of the real plan: the gate stops them, or a reason is written down why edits of that kind may pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judged_plan import JudgedPlan, judged_plan
from tests.policies.inventory.random_edits import edit, why


@pytest.fixture(scope="module")
def plan() -> JudgedPlan:
    return judged_plan("prod")


@given(data=st.data())
def test_an_edit_is_stopped_or_has_a_reason(plan: JudgedPlan, data: st.DataObject) -> None:
    def choose(options: Sequence[Any]) -> Any:  # noqa: ANN401 - one of the options
        return options[data.draw(st.integers(0, len(options) - 1))]

    made = edit(plan, choose)
    assert made.stopped_by or why(made), made
