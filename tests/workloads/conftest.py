"""The plan of the stack that creates its workloads, planned once in a session."""

from __future__ import annotations

import pytest

from tests.planning import Plan, plan_of
from tests.workloads import LAB


@pytest.fixture(scope="session")
def lab() -> Plan:
    return plan_of(LAB)
