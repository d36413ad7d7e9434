"""The containers of a task: what they run, as which user, and what they can access."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.rulebook import Finding, Judgement, Resource, Rules, Severity
from policies.workloads.container_definitions import PATH, containers, read
from policies.workloads.kinds import FUNCTION, TASK_DEFINITION

RULES: Final = Rules()

_CONTROLS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html"
_GUIDE: Final = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/"

_LOG_OPTIONS: Final = frozenset(
    """
    awslogs-create-group awslogs-datetime-format awslogs-group awslogs-multiline-pattern awslogs-region
    awslogs-stream-prefix max-buffer-size mode
    """.split()
)
"""Options of the driver `awslogs` that ECS documents. Docker's driver has others; one of them sends logs elsewhere.
Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html"""
_DIGEST: Final = re.compile(r".+@sha256:[0-9a-f]{64}")
_TASK_ROLES: Final = ("executionRoleArn", "taskRoleArn")
_OWN_REGISTRY: Final = r"{account}\.dkr\.ecr\.{region}\.amazonaws\.com(\.cn)?"


@RULES.resource(
    "unreadable-containers",
    title="The containers of a task definition are JSON that is known at preview.",
    remedy="Build `containerDefinitions` with `json.dumps` from plain values: configuration, names, and ARNs built "
    "from names. Put a value that AWS chooses into a parameter, and inject that.",
    source="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html",
    severity=Severity.HIGH,
    types=TASK_DEFINITION,
)
def _unreadable(task: Resource, _: Judgement) -> Iterator[Finding]:
    if problem := task.shared(read).problem:
        yield Finding(f"`{PATH}` {problem}.")


@RULES.resource(
    "privileged-container",
    title="Containers have no privileges on their host.",
    remedy="Remove `privileged`, `dockerSecurityOptions`, devices and added capabilities.",
    source=_CONTROLS + "#ecs-4",
    severity=Severity.HIGH,
    types=TASK_DEFINITION,
)
def _privileged(task: Resource, _: Judgement) -> Iterator[Finding]:
    for container in containers(task):
        if container.flag("privileged", default=False):
            yield Finding(f"`{container.place('privileged')}` isn't false.")
        for path in ("linuxParameters.capabilities.add", "linuxParameters.devices", "dockerSecurityOptions"):
            if container.items(path):
                yield Finding(f"`{container.place(path)}` isn't empty.")


@RULES.resource(
    "root-container",
    title="Containers don't run as root.",
    remedy="Set `user` to a user id, such as `1000:1000`: an image that names no user runs as root.",
    source=_CONTROLS + "#ecs-20",
    severity=Severity.MEDIUM,
    types=TASK_DEFINITION,
)
def _root(task: Resource, _: Judgement) -> Iterator[Finding]:
    for container in containers(task):
        user = (container.text_or_none("user") or "").partition(":")[0]
        if user in ("", "root") or not user.strip("0"):
            yield Finding(f"`{container.place('user')}` is missing, or is root.")


@RULES.resource(
    "host-namespace",
    title="Tasks share no network, processes or files with their host.",
    remedy="Set `networkMode` to `awsvpc`, and remove `pidMode`, `ipcMode` and volumes with a `hostPath`.",
    source=_CONTROLS + "#ecs-3",
    severity=Severity.HIGH,
    types=TASK_DEFINITION,
)
def _host(task: Resource, _: Judgement) -> Iterator[Finding]:
    if task.text_or_none("networkMode") != "awsvpc":
        yield Finding("`networkMode` isn't `awsvpc`.")
    for mode in ("pidMode", "ipcMode"):
        if task.text_or_none(mode) is not None:
            yield Finding(f"`{mode}` lets the task share what containers otherwise keep to themselves.")
    for volume in task.parts("volumes"):
        if volume.get("hostPath") is not None:
            yield Finding(f"`{volume.place('hostPath')}` is a folder of the host.")


@RULES.resource(
    "writable-root",
    title="Containers can't change the files of their image.",
    remedy="Set `readonlyRootFilesystem` to true, and add `linuxParameters.tmpfs` for the folders that they write to.",
    source=_CONTROLS + "#ecs-5",
    severity=Severity.MEDIUM,
    types=TASK_DEFINITION,
)
def _writable(task: Resource, _: Judgement) -> Iterator[Finding]:
    for container in containers(task):
        if not container.flag("readonlyRootFilesystem", default=False):
            yield Finding(f"`{container.place('readonlyRootFilesystem')}` isn't true.")


@RULES.resource(
    "unlogged-container",
    title="Containers log to CloudWatch.",
    remedy="Set `logConfiguration` with the driver `awslogs` and the option `awslogs-group`.",
    source=_CONTROLS + "#ecs-9",
    severity=Severity.MEDIUM,
    types=TASK_DEFINITION,
)
def _unlogged(task: Resource, _: Judgement) -> Iterator[Finding]:
    for container in containers(task):
        options = container.mapping("logConfiguration.options")
        if container.text_or_none("logConfiguration.logDriver") != "awslogs" or not options.get("awslogs-group"):
            yield Finding(f"`{container.place('logConfiguration')}` doesn't lead to a log group.")
        if options.keys() - _LOG_OPTIONS:
            yield Finding(f"`{container.place('logConfiguration.options')}` has options that ECS doesn't document.")


def _images(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield the path of each image of a task definition or function, and the image.

    Raises:
        Unjudgeable: an image is unknown, missing or not a text.
    """
    if resource.type in FUNCTION:
        if resource.text_or_none("packageType") == "Image" or resource.get("imageUri") is not None:
            yield "imageUri", resource.text("imageUri")
        return
    for container in containers(resource):
        yield container.place("image"), container.text("image")


@RULES.resource(
    "image-without-digest",
    title="Images are named by their digest, so that exactly the reviewed image runs.",
    remedy="Write `REPOSITORY@sha256:` and the image's digest instead of a tag.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",
    severity=Severity.HIGH,
    types=TASK_DEFINITION | FUNCTION,
)
def _without_digest(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for path, image in _images(resource):
        if not _DIGEST.fullmatch(image):
            yield Finding(f"`{path}` has no digest.")


@RULES.resource(
    "foreign-registry",
    title="Images come from the account's own registry.",
    remedy="Copy the image into ECR, by hand or with a pull-through cache rule, or add its registry to the rule's "
    "configuration.",
    source="https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html",
    severity=Severity.HIGH,
    types=TASK_DEFINITION | FUNCTION,
    config={
        "registries": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Hosts of other registries that images may come from",
            "default": [],
        }
    },
)
def _foreign_registry(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    # If the stack's configuration names no account, any account's registry passes: the provider isn't bound to one
    # either.
    account, region = judgement.account or r"\d{12}", judgement.region or r"[a-z0-9-]+"
    own = re.compile(_OWN_REGISTRY.format(account=account, region=region))
    for path, image in _images(resource):
        registry, slash, _ = image.partition("/")
        if not slash or not (own.fullmatch(registry) or registry in judgement.config["registries"]):
            yield Finding(f"`{path}` comes from a registry that isn't the account's.")


@RULES.resource(
    "undeclared-role",
    title="A task or function has only the roles that are declared for it.",
    remedy="Give it its own roles, or declare them in the program and run `make docs`.",
    source=_GUIDE + "security-iam-roles.html",
    severity=Severity.HIGH,
    types=TASK_DEFINITION | FUNCTION,
    config={
        "roles": {
            "type": "object",
            "description": "Family of a task definition, or name of a function -> `executionRoleArn`, `taskRoleArn` or "
            "`role` -> the role's name",
            "default": {},
        }
    },
)
def _undeclared_role(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    name, paths = ("name", ("role",)) if resource.type in FUNCTION else ("family", _TASK_ROLES)
    declared: Mapping[str, Any] = judgement.config["roles"].get(resource.text(name), {})
    for path in paths:
        role = resource.text_or_none(path)
        if role is not None and role.rpartition("/")[2] != declared.get(path):
            yield Finding(f"`{path}` isn't the role that is declared for it.")


@RULES.resource(
    "shared-role",
    title="A task's code doesn't have the execution role that ECS starts the task with.",
    remedy="Give the task its own role in `taskRoleArn`, or none: the execution role can read all injected values.",
    source=_GUIDE + "security-iam-roles.html",
    severity=Severity.MEDIUM,
    types=TASK_DEFINITION,
)
def _shared_role(task: Resource, _: Judgement) -> Iterator[Finding]:
    role = task.text_or_none("taskRoleArn")
    if role is not None and role == task.text_or_none("executionRoleArn"):
        yield Finding("`taskRoleArn` and `executionRoleArn` are the same.")
