"""The secrets that ECS injects into each workload's containers, for whoever writes the task definitions."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components.catalogue import SECRETS, Maker, Secret, Workload
from components.naming import Names


def container_environment(
    names: Names, made: Mapping[str, pulumi.Output[str]]
) -> dict[str, dict[str, pulumi.Output[str]]]:
    """Return workload -> environment variable -> ARN of the secret to inject as it (`valueFrom`).

    `made` maps the path of each secret that the program makes to its ARN; one made by hand is looked up by name
    (without its value), so that a missing one stops the preview.
    """
    environment: dict[str, dict[str, pulumi.Output[str]]] = {workload: {} for workload in Workload}
    for secret in SECRETS:
        variables = [(consumer.workload, consumer.variable) for consumer in secret.consumers if consumer.variable]
        if not variables:
            continue
        arn = made[secret.path] if secret.maker is Maker.PROGRAM else _look_up(names, secret)
        for workload, variable in variables:
            environment[workload][variable] = arn
    return environment


def _look_up(names: Names, secret: Secret) -> pulumi.Output[str]:
    return aws.secretsmanager.get_secret_output(name=secret.name(names)).arn
