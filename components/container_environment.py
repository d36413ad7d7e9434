"""The secrets that ECS injects into the containers, for task definitions that are written elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.catalogue import SECRETS, Maker, Secret, Workload
from components.naming import Names


@dataclass(frozen=True)
class ContainerEnvironmentArgs:
    """`made` maps the path of each secret that the program makes to its ARN."""

    names: Names
    made: Mapping[str, pulumi.Output[str]]


class ContainerEnvironment(pulumi.ComponentResource):
    """Workload -> environment variable -> ARN of the secret to inject (`valueFrom` of a task definition).

    A secret made by hand is looked up by name, without its value, so that a missing secret stops the preview.
    """

    variables: dict[str, dict[str, pulumi.Output[str]]]

    def __init__(self, name: str, args: ContainerEnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.variables = {workload.value: {} for workload in Workload}
        for secret in SECRETS:
            injected = [consumer for consumer in secret.consumers if consumer.variable and not consumer.here]
            if injected:
                arn = args.made[secret.path] if secret.maker is Maker.PROGRAM else _look_up(args.names, secret)
                for consumer in injected:
                    self.variables[consumer.workload][consumer.variable] = arn
        # Given as inputs, so that the wiring is part of the plan that people review.
        super().__init__("guarded:ecs:ContainerEnvironment", name, dict(self.variables), opts)
        self.register_outputs(dict(self.variables))


def _look_up(names: Names, secret: Secret) -> pulumi.Output[str]:
    return aws.secretsmanager.get_secret_output(name=secret.name(names)).arn
