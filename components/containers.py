"""What runs in the container of each workload that this program creates. All of it is known at preview.

One Output in a container's definition would make the whole text unknown, and the gate couldn't judge it. So addresses
are names that follow from the environment, secrets and parameters are named by ARNs built from their names, and values
that AWS chooses, such as the load balancer's ARN, are injected from a parameter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from components.applications import PIPELINES, PORTAL, Application
from components.catalogue import DATABASE_TASKS, Workload, secret_uses
from components.database_tasks import COMMAND, task_environment
from components.images import image_digest, image_repository, workload_image
from components.kinde_endpoints import endpoints
from components.naming import Names
from components.parameter_catalogue import injected_parameters
from components.settings import Settings

PREFECT_API: Final = "prefect-api"
"""Name of the Prefect API within the environment's namespace."""
WORK_POOL: Final = "flows"
"""The work pool whose flows the worker runs, each in its own process."""
SESSION_SECRET: Final = "backstage/session-secret"
"""This name ends like a full ARN, in a hyphen and six characters, so AWS accepts only the full ARN for it."""

_USER: Final = "1000:1000"
_TEMPORARY: Final = "/tmp"  # noqa: S108 - a folder in the container
_TEMPORARY_MIB: Final = 256
_WORKER_HEALTH_PORT: Final = 8080

Environment = Callable[[Names, Settings], Mapping[str, str]]


@dataclass(frozen=True)
class Container:
    """A workload's container.

    `cpu` is in 1,024ths of a processor, `memory` in MiB. An empty `command` means the image's own. `stop` is
    how many seconds it has to end. `health` is a command that fails while the container isn't healthy. `most` is how
    many can run at once while another version takes over; with 1 the old one ends first.
    """

    cpu: int
    memory: int
    command: Sequence[str] = ()
    application: Application | None = None
    environment: Environment = field(default=lambda _names, _settings: {})
    health: str = ""
    stop: int = 30
    most: int = 2


def _backstage(names: Names, settings: Settings) -> Mapping[str, str]:
    """Return the variables to which Backstage's configuration refers.

    Source: https://backstage.io/docs/auth/aws-alb/provider
    """
    return {
        "APP_CONFIG_app_baseUrl": f"https://{names.host(PORTAL.label, settings.domain)}",
        "APP_CONFIG_backend_baseUrl": f"https://{names.host(PORTAL.label, settings.domain)}",
        "AUTH_AWSALB_ISSUER": endpoints(settings).issuer,
        "AWS_REGION": names.region,
        "HOME": _TEMPORARY,
        "NODE_ENV": "production",
    }


def _prefect(_names: Names, _settings: Settings) -> Mapping[str, str]:
    return {"HOME": _TEMPORARY, "PREFECT_HOME": f"{_TEMPORARY}/prefect"}


def _prefect_server(names: Names, settings: Settings) -> Mapping[str, str]:
    """Return the server's settings (https://docs.prefect.io/v3/advanced/self-hosted)."""
    return {
        **_prefect(names, settings),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_UI_API_URL": f"https://{names.host(PIPELINES.label, settings.domain)}/api",
    }


def _prefect_client(names: Names, settings: Settings) -> Mapping[str, str]:
    # PREFECT_API_KEY would take precedence over the injected credential, and the server would refuse it.
    address = f"http://{PREFECT_API}.{names.namespace}:{PIPELINES.port}/api"
    return {**_prefect(names, settings), "PREFECT_API_URL": address}


def _database_task(workload: Workload) -> Container:
    return Container(256, 512, COMMAND, environment=lambda _names, _settings: task_environment(workload))


CONTAINERS: Final[Mapping[Workload, Container]] = {
    Workload.BACKSTAGE: Container(512, 2048, application=PORTAL, environment=_backstage),
    Workload.PREFECT_API: Container(
        512,
        1024,
        ("prefect", "server", "start", "--host", "0.0.0.0"),  # noqa: S104 - within a security group
        application=PIPELINES,
        environment=_prefect_server,
        # Without Redis, two servers schedule every run twice: https://docs.prefect.io/v3/advanced/self-hosted
        most=1,
    ),
    Workload.PREFECT_WORKER: Container(
        1024,
        2048,
        ("prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process", "--with-healthcheck"),
        environment=_prefect_client,
        # The worker answers 503 once it hasn't polled for work for 300 s:
        # https://docs.prefect.io/v3/concepts/workers#worker-status
        health='python -c "import urllib.request as r; '
        f"r.urlopen('http://127.0.0.1:{_WORKER_HEALTH_PORT}/health', timeout=4)\"",
        # Fargate's maximum: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
        stop=120,
    ),
    Workload.PREFECT_DEPLOYER: Container(
        256, 512, ("prefect", "--no-prompt", "deploy", "--all"), environment=_prefect_client
    ),
    **{workload: _database_task(workload) for workload in DATABASE_TASKS},
}
"""Services, the deployer, which CI starts, and the tasks that somebody starts by hand."""

SERVICES: Final = (Workload.PREFECT_API, Workload.PREFECT_WORKER, Workload.BACKSTAGE)
"""The workloads that keep running; the Prefect API, which the worker connects to, comes first."""


def container_definitions(names: Names, settings: Settings, workload: Workload) -> str:
    """Return a task definition's containers as JSON text: a single one, named after the workload.

    It includes the values that ECS would add itself, and its lists are sorted. Otherwise the provider finds a
    difference each time, and replaces the task definition (https://github.com/pulumi/pulumi-aws/issues/4576).
    """
    container = CONTAINERS[workload]
    definition: dict[str, Any] = {
        "name": workload.value,
        "image": _image(names, settings, workload),
        "cpu": 0,
        "essential": True,
        "environment": [
            {"name": name, "value": value} for name, value in sorted(container.environment(names, settings).items())
        ],
        "secrets": [
            {"name": name, "valueFrom": arn} for name, arn in sorted(injected(names, settings, workload).items())
        ],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
        "portMappings": _ports(container),
        "user": _USER,
        "readonlyRootFilesystem": True,
        "linuxParameters": {
            "initProcessEnabled": True,
            "tmpfs": [{"containerPath": _TEMPORARY, "size": _TEMPORARY_MIB, "mountOptions": ["nosuid", "nodev"]}],
        },
        "stopTimeout": container.stop,
        "logConfiguration": _logs(names, workload),
    }
    if container.command:
        definition["command"] = list(container.command)
    if container.health:
        definition["healthCheck"] = {
            "command": ["CMD-SHELL", container.health],
            "interval": 30,
            "timeout": 5,
            "retries": 3,
            "startPeriod": 60,
        }
    return json.dumps([definition], sort_keys=True)


def _image(names: Names, settings: Settings, workload: Workload) -> str:
    image = workload_image(workload, here=True)
    return names.image(image_repository(image, settings), image_digest(image, settings))


def injected(names: Names, settings: Settings, workload: Workload) -> dict[str, str]:
    """Map each variable of a workload to the ARN of the secret or parameter that ECS injects, as the catalogue says.

    If only a key of a secret's JSON is injected, the key follows the ARN, with two colons after it
    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html).
    """
    secrets = {}
    for secret, consumer in secret_uses(workload, here=True):
        if consumer.variable:
            session = secret.path == SESSION_SECRET
            arn = names.secret_arn(settings.backstage_session_secret or "" if session else secret.name(names))
            secrets[consumer.variable] = f"{arn}:{consumer.key}::" if consumer.key else arn
    parameters = {
        consumer.variable: names.parameter_arn(parameter.name(names))
        for parameter in injected_parameters(workload, here=True)
        for consumer in parameter.consumers
        if consumer.workload is workload
    }
    return {**secrets, **parameters}


def _ports(container: Container) -> list[dict[str, Any]]:
    if not container.application:
        return []
    port = container.application.port
    return [{"containerPort": port, "hostPort": port, "protocol": "tcp"}]


def _logs(names: Names, workload: Workload) -> dict[str, Any]:
    """Return where the container's output goes. If CloudWatch is slow, output is dropped; the container never waits.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
    """
    return {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": names.task_log_group(workload),
            "awslogs-region": names.region,
            "awslogs-stream-prefix": workload.value,
            "max-buffer-size": "4m",
            "mode": "non-blocking",
        },
    }
