"""ECS for tests of `verify-services`: moto's, with the answers that moto lacks.

moto has neither deployments nor tasks of services. Their answers are written here, and checked against the model of
ECS's API.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
import botocore.client
import botocore.session
import pytest
from botocore.validate import ParamValidator
from moto import mock_aws

from operations.__main__ import main
from tests.workloads import LAB

REGION: Final = "eu-central-1"
CLUSTER: Final = "lab-services"
NAMES: Final = ("lab-prefect-api", "lab-prefect-worker", "lab-backstage")
_MODEL: Final = botocore.session.get_session().get_service_model("ecs")
_CALL: Final = vars(botocore.client.BaseClient)["_make_api_call"]
_NOW: Final = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)


@dataclass
class Ecs:
    """ECS's answers beyond moto's: service -> its newest deployment's status and reason, and its tasks."""

    client: Any
    deployments: dict[str, tuple[str, str]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    health: dict[str, str] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)

    def register(self, definition: Mapping[str, Any]) -> str:
        """Register a task definition with the given inputs, and return the revision's ARN."""
        made = self.client.register_task_definition(
            family=definition["family"],
            containerDefinitions=json.loads(definition["containerDefinitions"]),
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu=definition["cpu"],
            memory=definition["memory"],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def serve(self, name: str, definition: Mapping[str, Any]) -> None:
        """Create a service with one task."""
        self.client.create_service(
            cluster=CLUSTER, serviceName=name, taskDefinition=self.register(definition), desiredCount=1
        )

    def answer(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return ECS's answer to a call that moto can't answer, or None for other calls."""
        if operation == "ListServiceDeployments":
            name = given["service"].rpartition("/")[2]
            status, reason = self.deployments.get(name, ("SUCCESSFUL", ""))
            older = {"serviceArn": given["service"], "status": "SUCCESSFUL", "createdAt": _NOW - dt.timedelta(days=1)}
            newest = {"serviceArn": given["service"], "status": status, "createdAt": _NOW, "statusReason": reason}
            return {"serviceDeployments": [older, newest]}
        if operation == "ListTasks":
            return {"taskArns": [f"{given['serviceName']}"]}
        if operation == "DescribeTasks":
            return {"tasks": [self._task(name) for name in given["tasks"]]}
        return None

    def _task(self, name: str) -> dict[str, Any]:
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


@contextmanager
def playing() -> Iterator[Ecs]:
    """Play an account with an empty cluster, in this process."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(key, "testing")
        patch.setenv("MOTO_ECS_SERVICE_RUNNING", "1")
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        ecs = Ecs(boto3.client("ecs", REGION))
        ecs.client.create_cluster(clusterName=CLUSTER)

        def call(client: Any, operation: str, given: dict[str, Any]) -> Any:  # noqa: ANN401 - botocore's own
            answer = ecs.answer(operation, given) if client.meta.service_model.service_name == "ecs" else None
            if answer is None:
                return _CALL(client, operation, given)
            model = _MODEL.operation_model(operation)
            for document, shape in ((given, model.input_shape), (answer, model.output_shape)):
                assert shape
                report = ParamValidator().validate(document, shape)
                assert not report.has_errors(), report.generate_report()
            return answer

        patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
        yield ecs


def verified(project: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """Return the exit code of `verify-services`, and service -> message for those that failed."""
    capsys.readouterr()
    code = main(["verify-services", "--stack", LAB, "--project", project, "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [check["subject"] for check in checks] == list(NAMES)
    return code, {check["subject"]: check["text"] for check in checks if check["outcome"] == "failed"}
