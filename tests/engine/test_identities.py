"""Foreign identities and foreign providers, on the real engine: `up` ends before anything is created."""

from __future__ import annotations

import pytest

from tests.breakages import BREAKAGES, break_project
from tests.engine.conftest import Deploy

pytestmark = pytest.mark.engine

_ROWS = {row["id"]: row for row in BREAKAGES}

TOGETHER = (
    # Boundaries that limit nothing, policies attached to people, readers from elsewhere.
    (
        *("administrator-named-a-boundary", "administrator-named-a-boundary-for-later"),
        *("administrator-that-is-one-roles-boundary", "boundary-that-nobody-judges"),
        *("boundary-attached-to-a-group", "policy-attached-to-a-user", "policy-attached-to-roles-at-once"),
        *("writer-by-a-unique-id", "workload-enters-every-task"),
    ),
    # Explicit providers, which all have the same name.
    ("provider-of-another-account",),
    ("provider-with-endpoints",),
    ("provider-with-a-role-of-another-account",),
)
"""Breakages that one preview stops together, each by its own rule."""


@pytest.mark.parametrize("names", [pytest.param(names, id=names[-1]) for names in TOGETHER])
def test_up_creates_nothing_for_foreign_identities(names: tuple[str, ...], deploy: Deploy) -> None:
    deployment = deploy()
    for name in names:
        break_project(deployment.project, _ROWS[name])
    outcome = deployment.up()
    assert outcome.code == 1
    for rule in {rule.partition("/")[2] for name in names for rule in _ROWS[name]["expect"]}:
        assert rule in outcome.out
    assert not [call for call in deployment.journal() if call["method"] == "Create"]
    assert deployment.state().get("resources", []) == []
