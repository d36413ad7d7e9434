"""The permissions of the ECS workloads and the `.ork` processor, derived from the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from components.catalogue import ORK_FILES, Bucket, Reader, Secret, Workload, secrets_read_by, workload_secrets
from components.iam_documents import Statement
from components.images import image_repository, workload_image
from components.naming import Names, function_log_group
from components.parameter_catalogue import (
    WIRING,
    Parameter,
    injected_parameters,
    parameters_read_by,
    workload_parameters,
)
from components.settings import Settings

DATA_WORKLOADS: Final = (Workload.BACKSTAGE, Workload.PREFECT_WORKER)
"""Workloads that read and write the data buckets."""


def task_statements(workload: Workload, names: Names, settings: Settings) -> list[Statement]:
    """Return what a workload's own code may do: data, its secrets and parameters, logs, metrics."""
    buckets = list(Bucket) if workload in DATA_WORKLOADS else []
    return [
        *_data(names, buckets),
        *_read_secrets(names, workload_secrets(workload, here=settings.here)),
        *_read_parameters(names, workload_parameters(workload)),
        _write_logs(names, [names.task_log_group(workload)]),
        _write_metrics(names),
    ]


def execution_statements(workload: Workload, names: Names, settings: Settings) -> list[Statement]:
    """Return what ECS may do to start a workload: pull its image, read what it injects, write its log group.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
    """
    return [
        *_pull_images(names, [_repository(workload, settings)]),
        *_read_secrets(names, workload_secrets(workload, here=settings.here, injected_only=True)),
        *_read_parameters(names, injected_parameters(workload, here=settings.here)),
        _write_logs(names, [names.task_log_group(workload)]),
    ]


def ork_processor_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what the `.ork` processor may do: read `.ork` files, two credentials and a bucket's name; write logs.

    If the stack creates it, it may also take messages from the queue that feeds it.
    """
    return [
        Statement("ReadOrkFiles", ["s3:GetObject"], [names.objects_arn(Bucket.DESIGN_FILES.name_in(names), "*.ork")]),
        *_read_secrets(names, secrets_read_by(Reader.ORK_PROCESSOR)),
        *_read_parameters(names, parameters_read_by(Reader.ORK_PROCESSOR)),
        *_receive_messages(names, settings),
        _write_logs(names, [function_log_group(settings.ork_function)]),
    ]


def boundary_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return the boundary of all workloads: the union of their permissions and nothing else."""
    secrets = {secret for workload in Workload for secret in workload_secrets(workload, here=settings.here)}
    secrets.update(secrets_read_by(Reader.ORK_PROCESSOR))
    parameters = {parameter for workload in Workload for parameter in workload_parameters(workload)}
    parameters.update(parameters_read_by(Reader.ORK_PROCESSOR))
    parameters.update(WIRING if settings.here else ())
    return [
        *_data(names, list(Bucket)),
        *_read_secrets(names, sorted(secrets, key=lambda secret: secret.path)),
        *_read_parameters(names, sorted(parameters, key=lambda parameter: parameter.path)),
        *_pull_images(names, sorted({_repository(workload, settings) for workload in Workload})),
        *_receive_messages(names, settings),
        _write_logs(names, [*map(names.task_log_group, Workload), function_log_group(settings.ork_function)]),
        _write_metrics(names),
    ]


def _repository(workload: Workload, settings: Settings) -> str:
    return image_repository(workload_image(workload, here=settings.here), settings)


def _data(names: Names, buckets: Sequence[Bucket]) -> list[Statement]:
    if not buckets:
        return []
    bucket_names = [bucket.name_in(names) for bucket in buckets]
    return [
        # Without ListBucket, S3 answers 403 instead of 404 for a missing key.
        Statement(
            "ListDataBuckets",
            ["s3:GetBucketLocation", "s3:ListBucket"],
            [*map(names.bucket_arn, bucket_names)],
        ),
        Statement(
            "ReadAndWriteData",
            ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            [*map(names.objects_arn, bucket_names)],
        ),
    ]


def _read_secrets(names: Names, secrets: Sequence[Secret]) -> list[Statement]:
    if not secrets:
        return []
    arns = [names.secret_arn_pattern(secret.name(names)) for secret in secrets]
    return [Statement("ReadSecrets", ["secretsmanager:GetSecretValue"], arns)]


def _read_parameters(names: Names, parameters: Sequence[Parameter]) -> list[Statement]:
    if not parameters:
        return []
    arns = [names.parameter_arn(parameter.name(names)) for parameter in parameters]
    return [Statement("ReadParameters", ["ssm:GetParameter", "ssm:GetParameters"], arns)]


def _receive_messages(names: Names, settings: Settings) -> list[Statement]:
    """Return the statements to receive messages: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    if not settings.here:
        return []
    actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    return [Statement("ReceiveMessages", actions, [names.queue_arn(names.resource(ORK_FILES))])]


def _pull_images(names: Names, repositories: Sequence[str]) -> list[Statement]:
    return [
        # This action takes no resource (Service Authorization Reference, Amazon ECR).
        Statement("SignInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
        Statement(
            "PullImage",
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [*map(names.repository_arn, repositories)],
        ),
    ]


def _write_logs(names: Names, log_groups: Sequence[str]) -> Statement:
    return Statement(
        "WriteLogs", ["logs:CreateLogStream", "logs:PutLogEvents"], [*map(names.log_streams_arn, log_groups)]
    )


def _write_metrics(names: Names) -> Statement:
    # This action takes no resource; the condition on the namespace narrows it.
    return Statement(
        "WriteMetrics",
        ["cloudwatch:PutMetricData"],
        ["*"],
        {"StringEquals": {"cloudwatch:namespace": f"{names.project}/{names.environment}"}},
    )
