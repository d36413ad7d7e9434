"""Finds secrets and parameters under an environment's prefix that aren't in the catalogue, and never reads a value."""

from __future__ import annotations

from collections.abc import Iterator

from components.catalogue import SECRETS
from components.parameter_catalogue import stack_parameters
from operations.aws import Aws, calls
from operations.stack import Stack


def find(stack: Stack, aws: Aws) -> Iterator[str]:
    """Yield a line for each of them.

    Raises:
        BadConfiguration: another account, or no credentials.
        Failure: AWS refused or didn't answer.
    """
    aws.require_account(stack.settings.account)
    yield from _secrets(stack, aws)
    yield from _parameters(stack, aws)


def _secrets(stack: Stack, aws: Aws) -> Iterator[str]:
    prefix = stack.names.secret("")
    declared = {secret.name(stack.names) for secret in SECRETS}
    with calls("the secrets"):
        pages = aws.secrets().get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
        for page in pages:
            for secret in page["SecretList"]:
                # The filter matches the beginning of any word of a name, not only of the first one.
                if secret["Name"].startswith(prefix) and secret["Name"] not in declared:
                    accessed = secret.get("LastAccessedDate")
                    yield f"secret {secret['Name']}, {f'last read on {accessed.date()}' if accessed else 'never read'}"


def _parameters(stack: Stack, aws: Aws) -> Iterator[str]:
    path = stack.names.parameter("").rstrip("/")
    declared = {parameter.name(stack.names) for parameter in stack_parameters(here=stack.settings.here)}
    with calls("the parameters"):
        described = aws.parameters().get_paginator("describe_parameters")
        for page in described.paginate(ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": [path]}]):
            for parameter in page["Parameters"]:
                if parameter["Name"] not in declared:
                    yield f"parameter {parameter['Name']}, last changed on {parameter['LastModifiedDate'].date()}"
