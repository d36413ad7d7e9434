"""Checks that the secrets and parameters of the catalogue exist and have values of the right shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.catalogue import Maker, Secret
from components.parameter_catalogue import Parameter
from operations import shapes
from operations.aws import calls
from operations.engine_state import EngineState, explain_import
from operations.stack import Stack
from operations.stored_secret import CURRENT, StoredSecret
from operations.verdicts import Check, Verdict

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

MADE_LATER: Final = "doesn't exist yet; the first apply creates it"

_SECRET: Final = "aws:secretsmanager/secret:Secret"
_SECRETS: Final = ("guarded:secrets:SecretContainers", "secrets")
_PARAMETER: Final = "aws:ssm/parameter:Parameter"
_PARAMETERS: Final = ("guarded:parameters:Parameters", "parameters")


def secret_check(stack: Stack, secret: Secret) -> Check:
    """Return the check of a secret."""
    name = secret.name(stack.names)
    return Check(f"secret/{name}", name)


def parameter_check(stack: Stack, parameter: Parameter) -> Check:
    """Return the check of a parameter."""
    name = parameter.name(stack.names)
    return Check(f"parameter{name}", name)


def check_secret(stack: Stack, secret: Secret, stored: StoredSecret, state: EngineState | None) -> Verdict:
    """Check that a secret has a value of its shape, and is in the state if the program creates it.

    Without a state, only the account is checked.

    Raises:
        Failure: AWS refuses or doesn't answer, or the secret is marked for deletion.
    """
    check = secret_check(stack, secret)
    by_hand = secret.maker is Maker.HAND
    fill = f"run `python -m operations fill-secrets --stack {stack.names.environment}`"
    versions = stored.versions()
    if versions is None:
        if by_hand:
            return check.failed(f"is missing; create it in Secrets Manager: {secret.shape}")
        return check.undecided(MADE_LATER)
    if not by_hand and state is not None and (_SECRET, versions.arn) not in state:
        resource = (_SECRET, secret.path, versions.arn)
        return check.failed(explain_import(state, resource, _SECRETS, stack.names.environment))
    value = stored.value() if CURRENT in versions.labels else None
    if value is None:
        return check.failed(f"has no value; {f'give it one: {secret.shape}' if by_hand else fill}")
    if wrong := shapes.find_problem(secret.shape, value.get_secret_value()):
        return check.failed(f"{wrong}; accepted: {secret.shape}")
    configured = stack.settings.backstage_session_secret or ""
    suffix = versions.arn[-6:]
    if configured.startswith(f"{stored.name}-") and not configured.endswith(suffix):
        return check.failed(
            f"its ARN ends in {suffix}, but backstageSessionSecret, which ECS finds it by, is {configured}"
        )
    return check.passed(secret.shape)


def check_parameter(stack: Stack, parameter: Parameter, client: SSMClient, state: EngineState | None) -> Verdict:
    """Check a parameter's type and value, and that it is in the state.

    Raises:
        Failure: AWS refuses or doesn't answer.
    """
    check = parameter_check(stack, parameter)
    name = parameter.name(stack.names)
    with calls(name):
        try:
            # No decryption is needed to see whether a SecureString has a value.
            found = client.get_parameter(Name=name)["Parameter"]
        except client.exceptions.ParameterNotFound:
            return check.undecided(MADE_LATER)
    if state is not None and (_PARAMETER, name) not in state:
        resource = (_PARAMETER, parameter.path, name)
        return check.failed(explain_import(state, resource, _PARAMETERS, stack.names.environment))
    kind = "SecureString" if parameter.secret else "String"
    if found["Type"] != kind:
        return check.failed(f"is a {found['Type']}; accepted: {kind}")
    if not found["Value"].strip():
        return check.failed("is empty")
    if parameter.accepted and found["Value"] not in parameter.accepted:
        return check.failed(f"is `{found['Value']}`; accepted: {' or '.join(parameter.accepted)}")
    return check.passed(kind)
