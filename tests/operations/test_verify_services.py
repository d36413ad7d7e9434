"""`verify-services` compares the running services with the intended ones; moto plays ECS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from operations.__main__ import main
from tests.operations.ecs import CLUSTER, NAMES, Ecs, playing, verified
from tests.owner import owned, owned_here
from tests.planning import plan_of
from tests.workloads import LAB


def planned(name: str, change: Callable[[str], str] = lambda text: text) -> dict[str, Any]:
    """The task definition of a service as planned, with a change to its containers."""
    (found,) = [
        inputs for inputs in plan_of(LAB).inputs("aws:ecs/taskDefinition:TaskDefinition") if inputs["family"] == name
    ]
    return {**found, "containerDefinitions": change(found["containerDefinitions"])}


@pytest.fixture
def account() -> Iterator[Ecs]:
    """An account whose services run as planned."""
    with playing() as account:
        for name in NAMES:
            account.serve(name, planned(name))
        yield account


@pytest.mark.usefixtures("account")
def test_services_that_run_as_planned_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(str(owned_here()), capsys) == (0, {})


def test_a_rolled_back_deployment_fails(account: Ecs, capsys: pytest.CaptureFixture[str]) -> None:
    """The service is steady on its earlier revision; only the image and the newest deployment show the rollback."""
    old = account.register(
        planned("lab-backstage", lambda text: text.replace("sha256:" + "1" * 64, "sha256:" + "0" * 64))
    )
    account.client.update_service(cluster=CLUSTER, service="lab-backstage", taskDefinition=old)
    account.deployments["lab-backstage"] = ("ROLLBACK_SUCCESSFUL", "Service deployment rolled back: circuit breaker")
    code, found = verified(str(owned_here()), capsys)
    assert (code, list(found)) == (1, ["lab-backstage"])
    assert "ended as ROLLBACK_SUCCESSFUL (Service deployment rolled back: circuit breaker)" in found["lab-backstage"]
    assert f"it has {old.rpartition('/')[2]}, which differs from the stack's file in image" in found["lab-backstage"]
    assert f"sha256:{'0' * 64} for sha256:{'1' * 64}" in found["lab-backstage"]


def test_a_wrong_revision_fails_without_a_deployment(account: Ecs, capsys: pytest.CaptureFixture[str]) -> None:
    changed = account.register(planned("lab-prefect-api", lambda text: text.replace('"--host"', '"--hosts"')))
    account.client.update_service(cluster=CLUSTER, service="lab-prefect-api", taskDefinition=changed)
    code, found = verified(str(owned_here()), capsys)
    assert (code, list(found)) == (1, ["lab-prefect-api"])
    assert "differs from the stack's file in command" in found["lab-prefect-api"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda account: account.deployments.update({NAMES[0]: ("ROLLBACK_FAILED", "")}),
            "its newest deployment ended as ROLLBACK_FAILED (no reason given)",
        ),
        (
            lambda account: account.deployments.update({NAMES[0]: ("IN_PROGRESS", "")}),
            "its deployment is under way (IN_PROGRESS); run this again",
        ),
        (
            lambda account: account.images.update({NAMES[0]: "sha256:" + "5" * 64}),
            f"a task runs the image sha256:{'5' * 64}; wanted: sha256:{'2' * 64}",
        ),
        (
            lambda account: account.health.update({NAMES[0]: "UNHEALTHY"}),
            "the container prefect-api isn't healthy",
        ),
        (
            lambda account: account.revisions.update({NAMES[0]: account.register(planned(NAMES[0]))}),
            "a task still runs lab-prefect-api:2",
        ),
        (
            lambda account: account.client.update_service(cluster=CLUSTER, service=NAMES[0], desiredCount=0),
            "0 tasks are running, 0 pending and 0 desired; wanted: 1",
        ),
        (
            lambda account: account.client.delete_service(cluster=CLUSTER, service=NAMES[0], force=True),
            "doesn't exist; an update of the stack creates it",
        ),
    ],
    ids=["failed", "under way", "image", "health", "revision", "count", "gone"],
)
def test_each_difference_from_the_plan_fails(
    change: Callable[[Ecs], object], said: str, account: Ecs, capsys: pytest.CaptureFixture[str]
) -> None:
    change(account)
    code, found = verified(str(owned_here()), capsys)
    assert (code, list(found)) == (1, [NAMES[0]])
    assert said in found[NAMES[0]]


def test_services_made_by_others_are_not_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-services", "--stack", "prod", "--project", str(owned())]) == 2
    assert "workloads is `elsewhere`: this program doesn't create the services" in capsys.readouterr().err
