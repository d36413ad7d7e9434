"""Names of secrets: `${environment}/service/thing`, without an end that looks like the end of an ARN."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.naming.conventions import Convention
from policies.naming.environment import ENVIRONMENT
from policies.naming.physical_names import resource_types, shown
from policies.rulebook import Finding, Judgement, Resource, Rules, Severity

RULES: Final = Rules()

_CONVENTION: Final = Convention("ENV/[a-z0-9-]+(?:/[a-z0-9_-]+)+", "`ENV/service/thing`, lower case", 512)

_ARN_SUFFIX: Final = re.compile(r"-(?=.{0,5}[A-Z0-9])[A-Za-z0-9]{6}\Z")
"""A hyphen and six characters with a capital letter or a digit among them, as at the end of Secrets Manager's ARNs."""


@RULES.resource(
    "misnamed-secret",
    title="Secrets are named ${environment}/service/thing.",
    remedy="Name it `${environment}/service/thing`, lower case; "
    "a name shared by all environments needs an entry in `exceptions`.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/userguide/best-practices.html",
    severity=Severity.HIGH,
    types=resource_types("secret"),
    config={
        **ENVIRONMENT,
        "exceptions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Full names of secrets that need no environment prefix",
            "default": ["blog-data/neo4j/credentials", "blog-data/cloudinary/credentials"],
        },
    },
)
def _misnamed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if resource.get("name") not in judgement.config["exceptions"]:
        yield from _CONVENTION.judge(resource, "name", judgement)


@RULES.resource(
    "secret-name-like-arn",
    title="A new secret's name doesn't end like a secret's ARN.",
    remedy="Remove the hyphen and the six characters: Secrets Manager adds its own suffix, "
    "and can't tell such a name from the end of an ARN.",
    source="https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
    severity=Severity.HIGH,
    types=resource_types("secret"),
)
def _like_an_arn(resource: Resource, _: Judgement) -> Iterator[Finding]:
    name = resource.text_or_none("name")
    if name is not None and _ARN_SUFFIX.search(name):
        yield Finding(f"`name` {shown(name)} ends like a secret's ARN.")
