"""`verify-services`: checks that the services that this program creates match the stack's file.

When a deployment fails, ECS rolls back to the previous revision. Version 5 of the provider doesn't report that, so an
update can succeed and change nothing (https://github.com/hashicorp/terraform-provider-aws/issues/20858). Later versions
can fail the update instead, as 6.53 does (its issue 49031); then this says what is running.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from components.catalogue import Workload
from components.containers import SERVICES, container_definitions
from operations.aws import Aws, calls
from operations.stack import Stack
from operations.verdicts import Check, Verdict
from stackfiles.failures import BadConfiguration

_MEANT: Final = ("command", "environment", "image", "secrets")
"""The parts of a container's definition that are compared; ECS adds defaults to the others."""
_DONE: Final = "SUCCESSFUL"
_UNDER_WAY: Final = ("PENDING", "IN_PROGRESS")
"""States of a service's deployment.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html"""


def run(stack: Stack, aws: Aws) -> list[Verdict]:
    """Compare each service with the stack's file: its deployment, what its revision runs, its tasks.

    Raises:
        BadConfiguration: the program doesn't create the services, there is no image yet, or the credentials are wrong.
        Failure: AWS refuses or doesn't answer.
    """
    settings = stack.settings
    if not settings.here:
        raise BadConfiguration("workloads is `elsewhere`: this program doesn't create the services; accepted: here")
    if not (settings.backstage_image_digest and settings.prefect_image_digest):
        raise BadConfiguration("backstageImageDigest or prefectImageDigest is missing, so there are no services")
    aws.require_account(settings.account)
    client = aws.client("ecs")
    return [_verify(stack, client, workload) for workload in SERVICES]


def _verify(stack: Stack, client: Any, workload: Workload) -> Verdict:  # noqa: ANN401 - botocore makes the client
    name = stack.names.resource(workload)
    check = Check(f"service/{name}", name)
    meant = json.loads(container_definitions(stack.names, stack.settings, workload))
    with calls(name):
        (service,) = client.describe_services(cluster=stack.settings.cluster, services=[name])["services"] or [{}]
        if service.get("status") != "ACTIVE":
            return check.failed("doesn't exist; an update of the stack creates it")
        problems = [
            *_find_deployment_problems(client, service),
            *_find_definition_problems(meant, client, service),
            *_find_task_problems(meant, client, service, wanted=0 if stack.settings.parked else 1),
        ]
    revision = _revision(service["taskDefinition"])
    if problems:
        return check.failed(f"{'; '.join(problems)}. See its events in ECS: {stack.settings.cluster}, {name}")
    return check.passed(f"{service['runningCount']} of {service['desiredCount']} tasks run {revision}")


def _find_deployment_problems(client: Any, service: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the state of the newest deployment if it hasn't succeeded."""
    asked = {"service": service["serviceArn"], "cluster": service["clusterArn"]}
    deployments = client.list_service_deployments(**asked)["serviceDeployments"]
    newest = max(deployments, key=lambda deployment: deployment["createdAt"], default=None)
    status = newest["status"] if newest else _DONE
    if newest and status in _UNDER_WAY:
        yield f"its deployment is under way ({status}); run this again when it has ended"
    elif newest and status != _DONE:
        yield f"its newest deployment ended as {status} ({newest.get('statusReason') or 'no reason given'})"


def _find_definition_problems(
    containers: Sequence[Mapping[str, Any]],
    client: Any,  # noqa: ANN401 - as above
    service: Mapping[str, Any],
) -> Iterator[str]:
    """Yield how the service's revision differs from the stack's file, without values of variables."""
    arn = service["taskDefinition"]
    described = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]["containerDefinitions"]
    runs = {container["name"]: container for container in described}
    for meant in containers:
        found = runs.get(meant["name"], {})
        different = [key for key in _MEANT if _ordered(found.get(key)) != _ordered(meant.get(key))]
        if different:
            image = f", {_digest(found.get('image', ''))} for {_digest(meant['image'])}" if "image" in different else ""
            yield f"it has {_revision(arn)}, which differs from the stack's file in {', '.join(different)}{image}"


def _find_task_problems(
    containers: Sequence[Mapping[str, Any]],
    client: Any,  # noqa: ANN401 - as above
    service: Mapping[str, Any],
    *,
    wanted: int,
) -> Iterator[str]:
    """Yield problems of the tasks: their number, their revision, the pulled image, their health."""
    counts = (service["desiredCount"], service["runningCount"], service["pendingCount"])
    if counts != (wanted, wanted, 0):
        yield f"{counts[1]} tasks are running, {counts[2]} pending and {counts[0]} desired; wanted: {wanted}"
    listed = client.list_tasks(cluster=service["clusterArn"], serviceName=service["serviceName"])["taskArns"]
    tasks = client.describe_tasks(cluster=service["clusterArn"], tasks=listed)["tasks"] if listed else []
    images = {container["name"]: _digest(container["image"]) for container in containers}
    for task in tasks:
        if task["taskDefinitionArn"] != service["taskDefinition"]:
            yield f"a task still runs {_revision(task['taskDefinitionArn'])}"
        for container in task.get("containers", ()):
            meant = images.get(container["name"])
            if meant and container.get("imageDigest", meant) != meant:
                yield f"a task runs the image {container['imageDigest']}; wanted: {meant}"
            if container.get("healthStatus") == "UNHEALTHY":
                yield f"the container {container['name']} isn't healthy"


def _ordered(value: object) -> object:
    """Sort variables and secrets by name, since ECS doesn't keep their order."""
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return sorted(value, key=lambda item: str(item["name"]))
    return value or []


def _revision(arn: str) -> str:
    """Return the `FAMILY:REVISION` in a task definition's ARN."""
    return arn.rpartition("/")[2]


def _digest(image: str) -> str:
    return image.partition("@")[2] or image
