"""Workloads that are made here, on provider code that nobody here wrote: what it says to every argument of the plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.planning import plan_of
from tests.upstream.conftest import READS
from tests.upstream.deployment import Account, Ran, empty_account
from tests.workloads import LAB

pytestmark = [pytest.mark.engine, pytest.mark.upstream]

LOST = {
    ("aws:rds/cluster:Cluster", "autoMinorVersionUpgrade"): "came with a later version than 5.100",
    ("aws:rds/cluster:Cluster", "masterPasswordWo"): "is written, and in no answer",
}
"""Type and argument -> why the answer of provider code of 5.x knows nothing of it."""


def planned() -> dict[str, str]:
    """URN -> type of each of AWS's resources in the plan."""
    return {step.urn: step.type for step in plan_of(LAB).steps if step.type.startswith("aws:")}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of their own: those of the other tests have stacks without workloads."""
    types = sorted({*READS, *planned().values()})
    with empty_account(tmp_path_factory.mktemp("workloads"), types) as made:
        yield made


@pytest.fixture(scope="module")
def preview(account: Account) -> Ran:
    return account.stack(LAB).preview("preview of workloads")


def test_it_accepts_every_planned_argument(preview: Ran) -> None:
    assert preview.refused == []
    assert [call for call in preview.provider if call.get("failures")] == []
    assert {call["urn"] for call in preview.provider if call["method"] == "Create"} == set(planned())


def test_it_loses_none_without_a_reason(preview: Ran) -> None:
    lost = {(call["type"], name) for call in preview.provider for name in call.get("lost", ())}
    assert lost == set(LOST)
