"""`verify-services`: what runs against what was meant, with moto for ECS.

moto has neither deployments of services nor tasks of theirs. Their answers are written here, and held against the model
of ECS's API.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import botocore.client
import botocore.session
import pytest
from botocore.validate import ParamValidator
from moto import mock_aws

from operations.__main__ import main
from tests.owner import owned, owned_here
from tests.planning import plan_of
from tests.workloads import LAB

REGION: Final = "eu-central-1"
CLUSTER: Final = "lab-services"
NAMES: Final = ("lab-prefect-api", "lab-prefect-worker", "lab-backstage")
MODEL: Final = botocore.session.get_session().get_service_model("ecs")
CALL: Final = vars(botocore.client.BaseClient)["_make_api_call"]
NOW: Final = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)


@dataclass
class Account:
    """What ECS tells beside moto: service -> its newest deployment's status and reason, and its tasks."""

    client: Any
    deployments: dict[str, tuple[str, str]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    health: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)

    def register(self, name: str, change: Callable[[str], str] = lambda text: text) -> str:
        """Register the planned task definition of a service, changed, and return the revision's ARN."""
        (planned,) = [
            inputs
            for inputs in plan_of(LAB).inputs("aws:ecs/taskDefinition:TaskDefinition")
            if inputs["family"] == name
        ]
        made = self.client.register_task_definition(
            family=name,
            containerDefinitions=json.loads(change(planned["containerDefinitions"])),
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu=planned["cpu"],
            memory=planned["memory"],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """What ECS answers to a call that moto can't answer."""
        if operation == "ListServiceDeployments":
            name = given["service"].rpartition("/")[2]
            status, reason = self.deployments.get(name, ("SUCCESSFUL", ""))
            older = {"serviceArn": given["service"], "status": "SUCCESSFUL", "createdAt": NOW - dt.timedelta(days=1)}
            newest = {"serviceArn": given["service"], "status": status, "createdAt": NOW, "statusReason": reason}
            return {"serviceDeployments": [older, newest]}
        if operation == "ListTasks":
            return {"taskArns": [f"{given['serviceName']}"]}
        if operation == "DescribeTasks":
            return {"tasks": [self.task(name) for name in given["tasks"]]}
        return None

    def task(self, name: str) -> dict[str, Any]:
        (service,) = self.client.describe_services(cluster=CLUSTER, services=[name])["services"]
        revision = self.revisions.get(name, service["taskDefinition"])
        (container,) = self.client.describe_task_definition(taskDefinition=revision)["taskDefinition"][
            "containerDefinitions"
        ]
        return {
            "taskArn": name,
            "taskDefinitionArn": revision,
            "containers": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageDigest": self.images.get(name, container["image"].partition("@")[2]),
                    "healthStatus": self.health.get(name, "HEALTHY"),
                }
            ],
        }


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in which the services run what is planned."""
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.setenv("MOTO_ECS_SERVICE_RUNNING", "1")
    with mock_aws():
        account = Account(boto3.client("ecs", REGION))
        account.client.create_cluster(clusterName=CLUSTER)
        for name in NAMES:
            account.client.create_service(
                cluster=CLUSTER, serviceName=name, taskDefinition=account.register(name), desiredCount=1
            )

        def call(client: Any, operation: str, given: dict[str, Any]) -> Any:  # noqa: ANN401 - botocore's own
            answer = account.answer(operation, given) if client.meta.service_model.service_name == "ecs" else None
            if answer is None:
                return CALL(client, operation, given)
            model = MODEL.operation_model(operation)
            for document, shape in ((given, model.input_shape), (answer, model.output_shape)):
                assert shape
                report = ParamValidator().validate(document, shape)
                assert not report.has_errors(), report.generate_report()
            return answer

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        yield account


def verified(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """The exit code, and service -> what was found of those that failed."""
    code = main(["verify-services", "--stack", LAB, "--project", str(owned_here()), "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [check["subject"] for check in checks] == list(NAMES)
    return code, {check["subject"]: check["text"] for check in checks if check["outcome"] == "failed"}


@pytest.mark.usefixtures("account")
def test_what_runs_is_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert verified(capsys) == (0, {})


def test_a_deployment_that_went_back_is_no_success(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """The service has the revision before, and all is steady: only the image tells, and the newest deployment."""
    old = account.register("lab-backstage", lambda text: text.replace("sha256:" + "1" * 64, "sha256:" + "0" * 64))
    account.client.update_service(cluster=CLUSTER, service="lab-backstage", taskDefinition=old)
    account.deployments["lab-backstage"] = ("ROLLBACK_SUCCESSFUL", "Service deployment rolled back: circuit breaker")
    code, found = verified(capsys)
    assert (code, list(found)) == (1, ["lab-backstage"])
    assert "ended as ROLLBACK_SUCCESSFUL (Service deployment rolled back: circuit breaker)" in found["lab-backstage"]
    assert f"it has {old.rpartition('/')[2]}, which differs from the stack's file in image" in found["lab-backstage"]
    assert f"sha256:{'0' * 64} for sha256:{'1' * 64}" in found["lab-backstage"]


def test_without_the_deployment_the_revision_alone_tells(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    changed = account.register("lab-prefect-api", lambda text: text.replace('"--host"', '"--hosts"'))
    account.client.update_service(cluster=CLUSTER, service="lab-prefect-api", taskDefinition=changed)
    code, found = verified(capsys)
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
            f"a task runs the image sha256:{'5' * 64}, meant: sha256:{'2' * 64}",
        ),
        (
            lambda account: account.health.update({NAMES[0]: "UNHEALTHY"}),
            "the container prefect-api isn't healthy",
        ),
        (
            lambda account: account.revisions.update({NAMES[0]: account.register(NAMES[0])}),
            "a task still runs lab-prefect-api:2",
        ),
        (
            lambda account: account.client.update_service(cluster=CLUSTER, service=NAMES[0], desiredCount=0),
            "0 tasks run, 0 wait and 0 are asked for; meant: 1",
        ),
        (
            lambda account: account.client.delete_service(cluster=CLUSTER, service=NAMES[0], force=True),
            "isn't there; an update of the stack makes it",
        ),
    ],
    ids=["failed", "under way", "image", "health", "revision", "count", "gone"],
)
def test_what_isnt_as_meant_fails(
    change: Callable[[Account], object], said: str, account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    change(account)
    code, found = verified(capsys)
    assert (code, list(found)) == (1, [NAMES[0]])
    assert said in found[NAMES[0]]


def test_services_that_others_make_are_not_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify-services", "--stack", "prod", "--project", str(owned())]) == 2
    assert "workloads is `elsewhere`: others make the services" in capsys.readouterr().err
