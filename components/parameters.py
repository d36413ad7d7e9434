"""The parameters in Parameter Store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.catalogue import Parameter
from components.naming import Names


@dataclass(frozen=True)
class ParametersArgs:
    """The value of each parameter; a Pulumi secret for a secret one."""

    names: Names
    values: Mapping[Parameter, pulumi.Input[str]]


class Parameters(pulumi.ComponentResource):
    """Parameters under `/${environment}/`, SecureString for secret ones."""

    def __init__(self, name: str, args: ParametersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("rocketclub:parameters:Parameters", name, None, opts)
        for parameter, value in args.values.items():
            aws.ssm.Parameter(
                parameter.path,
                name=parameter.name(args.names),
                description=parameter.purpose,
                type=aws.ssm.ParameterType.SECURE_STRING if parameter.secret else aws.ssm.ParameterType.STRING,
                key_id="alias/aws/ssm" if parameter.secret else None,
                allowed_pattern=parameter.allowed_pattern,
                value=value,
                tags=args.names.tags("parameters"),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"names": [parameter.name(args.names) for parameter in args.values]})
