"""The parameters in Parameter Store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.naming import Names
from components.parameter_catalogue import (
    BUCKET_PARAMETERS,
    CLUSTER_ARN,
    DATABASE_HOST,
    DATABASE_RESTORE_MODE,
    HEADER_SECRET,
    LOAD_BALANCER_ARN,
    PARK_MODE,
    SECURITY_GROUP_ID,
    SUBNET_IDS,
    TASK_DEFINITION_ARN,
    Parameter,
)
from components.settings import Settings
from components.surroundings import Surroundings


@dataclass(frozen=True)
class ParametersArgs:
    """The value of each parameter; a Pulumi secret for a secret one."""

    names: Names
    values: Mapping[Parameter, pulumi.Input[str]]


class Parameters(pulumi.ComponentResource):
    """Parameters under `/${environment}/`, SecureString for secret ones."""

    made: list[pulumi.Resource]
    """The parameters that have been added so far."""

    def __init__(self, name: str, args: ParametersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:parameters:Parameters", name, None, opts)
        self._names = args.names
        self.made = []
        for parameter, value in args.values.items():
            self.add(parameter, value)
        self.register_outputs({"names": [parameter.name(args.names) for parameter in args.values]})

    def add(
        self, parameter: Parameter, value: pulumi.Input[str], after: Sequence[pulumi.Resource] | None = None
    ) -> None:
        """Create a parameter after other resources have been created or changed."""
        stored = aws.ssm.Parameter(
            parameter.path,
            name=parameter.name(self._names),
            description=parameter.purpose,
            type=aws.ssm.ParameterType.SECURE_STRING if parameter.secret else aws.ssm.ParameterType.STRING,
            key_id="alias/aws/ssm" if parameter.secret else None,
            allowed_pattern=parameter.allowed_pattern,
            # A plan shows the value so that people can review it, unless it is secret.
            value=value if parameter.secret else None,
            insecure_value=None if parameter.secret else value,
            tags=self._names.tags("parameters"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )
        self.made.append(stored)


def parameter_values(
    names: Names, settings: Settings, surroundings: Surroundings
) -> dict[Parameter, pulumi.Input[str]]:
    """Return the value of each parameter; with `workloads: here`, `Workloads` adds the park mode marker."""
    return {
        HEADER_SECRET: settings.origin_header_secret.output(),
        **{parameter: bucket.name_in(names) for bucket, parameter in BUCKET_PARAMETERS.items()},
        **({} if settings.here else {PARK_MODE: settings.park_mode}),
        DATABASE_RESTORE_MODE: settings.database_restore_mode,
        CLUSTER_ARN: names.cluster_arn(settings.cluster),
        TASK_DEFINITION_ARN: names.task_definition_arn(settings.deployer_task_family),
        SUBNET_IDS: pulumi.Output.all(*surroundings.private_subnet_ids).apply(",".join),
        SECURITY_GROUP_ID: surroundings.deployer_group_id,
    }


def wiring_values(
    load_balancer_arn: pulumi.Input[str], database_host: pulumi.Input[str] | None
) -> dict[Parameter, pulumi.Input[str]]:
    """Return the values that ECS injects into tasks, in a stack that creates its workloads."""
    database: dict[Parameter, pulumi.Input[str]] = {} if database_host is None else {DATABASE_HOST: database_host}
    return {LOAD_BALANCER_ARN: load_balancer_arn, **database}
