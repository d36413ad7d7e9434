"""Secret values: none is in the state, can be guessed, is readable on its way or gets lost by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.entry_points import header
from policies.entry_points.kinds import DISTRIBUTION, LISTENER_RULE, PARAMETER, SECRET, SECRET_VERSION
from policies.rulebook import UNKNOWN, Finding, Judgement, Resource, Rules, SecretText, Severity
from policies.rulebook.production import PRODUCTION, is_production

RULES: Final = Rules()

_SECRETS: Final = "https://www.pulumi.com/docs/iac/concepts/secrets/"
_LEAST_DAYS: Final = 7
"""https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html"""
_DEFAULT_DAYS: Final = 30
"""The provider's default for `recoveryWindowInDays`."""
_SENSITIVE: Final = re.compile("secret|token|password|credential|private[_-]?key|api[_-]?key", re.IGNORECASE)


@RULES.resource(
    "secret-value-in-state",
    title="No program writes the value of a secret.",
    remedy="Create the secret without a version, and have its owner fill in the value.",
    source="https://www.pulumi.com/docs/iac/concepts/resources/write-only-fields/",
    severity=Severity.HIGH,
    types=SECRET_VERSION,
)
def _in_state(_version: Resource, _: Judgement) -> Iterator[Finding]:
    yield Finding("It puts a secret's value into the state, even with a write-only argument.")


@RULES.resource(
    "unrecoverable-secret",
    title="A production secret that was deleted by mistake can be restored.",
    remedy="Set `recoveryWindowInDays` to 7 or more, or leave it out, which means 30.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html",
    severity=Severity.HIGH,
    types=SECRET,
    config=PRODUCTION,
)
def _unrecoverable(secret: Resource, judgement: Judgement) -> Iterator[Finding]:
    if is_production(judgement) and secret.number("recoveryWindowInDays", _DEFAULT_DAYS) < _LEAST_DAYS:
        yield Finding(f"`recoveryWindowInDays` is below {_LEAST_DAYS}; 0 deletes the secret and its values at once.")


@RULES.resource(
    "unencrypted-parameter",
    title="Secret parameters are encrypted with an explicitly named key.",
    remedy="Make it a SecureString with `keyId` (`alias/aws/ssm` for the account's default key) and `value`.",
    source="https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html",
    severity=Severity.HIGH,
    types=PARAMETER,
)
def _unencrypted(parameter: Resource, _: Judgement) -> Iterator[Finding]:
    name, kind = parameter.text("name"), parameter.text("type")
    if kind == "SecureString":
        if parameter.text_or_none("keyId") is None:
            yield Finding("`keyId` is missing, so the program doesn't say which key encrypts the value.")
        if parameter.get("insecureValue") is not None:
            yield Finding("`insecureValue` shows the value in plans, although it is meant to be encrypted.")
    elif _SENSITIVE.search(name):
        yield Finding(f"`type` is `{kind[:20]}`, but the name says that the value is secret.")


@RULES.resource(
    "weak-header-secret",
    title="The header secret can't be guessed, and no other value matches it.",
    remedy="Use 64 hexadecimal digits (`openssl rand -hex 32`). Conditions ignore case, and * and ? are wildcards.",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html",
    severity=Severity.CRITICAL,
    types=DISTRIBUTION | LISTENER_RULE,
    config=header.HEADER,
)
def _weak_header(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for path in header.value_paths(resource, judgement):
        if not header.is_strong(resource.text(path)):
            yield Finding(f"`{path}` isn't made of 32 to 128 digits and lower-case letters.")
    if resource.type in LISTENER_RULE:
        for path in header.accepted_paths(resource, judgement):
            if len(resource.items(path)) > 2:
                yield Finding(f"`{path}` accepts more than the current value and the previous one.")


@RULES.resource(
    "plain-secret",
    title="Client secrets, the header secret and the values of secret parameters are Pulumi secrets from end to end.",
    remedy="Wrap the value in `pulumi.Output.secret`, and name the property in `additional_secret_outputs`: "
    "the provider marks neither the client secret nor the header secret.",
    source=_SECRETS,
    severity=Severity.CRITICAL,
    types=DISTRIBUTION | LISTENER_RULE | PARAMETER,
    config=header.HEADER,
)
def _plain(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for path in _secret_paths(resource, judgement):
        # An unknown value can't be shown; the check below makes sure that the whole property is kept secret.
        if resource.get(path) is not UNKNOWN and not isinstance(resource.text(path), SecretText):
            yield Finding(f"`{path}` isn't a Pulumi secret.")
        property_ = path.partition(".")[0]
        if property_ not in resource.secret_outputs | {"value"}:
            yield Finding(f"`{property_}` isn't among the resource's additional secret outputs.")


def _secret_paths(resource: Resource, judgement: Judgement) -> Iterator[str]:
    if resource.type in PARAMETER:
        if resource.text("type") == "SecureString":
            yield "value"
        return
    yield from header.value_paths(resource, judgement)
    if resource.type in LISTENER_RULE:
        for action in resource.parts("actions"):
            if action.get("authenticateOidc") is not None:
                yield action.place("authenticateOidc.clientSecret")
