"""Names of policies, and the path of everything in IAM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.naming.conventions import Convention
from policies.naming.environment import ENVIRONMENT, environment_of
from policies.naming.physical_names import types_of
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity

_POLICY: Final = Convention("ENV(?:-[a-z0-9]+)+", "`ENV-name`, lower case", 128)
_WITH_PATH: Final = types_of("role", "managed policy", "instance profile")


def _misnamed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if resource.type in types_of("role"):
        for index, _ in enumerate(resource.items("inlinePolicies")):
            resource.text(f"inlinePolicies.{index}.name")
            yield from _POLICY.judge(resource, judgement, f"inlinePolicies.{index}.name")
    else:
        yield from _POLICY.judge(resource, judgement, "name")


def _misplaced(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    path = judgement.config["path"].replace("${environment}", environment_of(judgement))
    # Without a path IAM takes "/".
    if resource.text_or_none("path") != path:
        yield Finding(f"`path` isn't `{path}`.")


RULES: Final = (
    Rule(
        id="misnamed-policy",
        title="Inline and managed policies are named ${environment}-name.",
        remedy="Name it `${environment}-name`, lower-case letters and digits between single hyphens.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        severity=Severity.MEDIUM,
        check=_misnamed,
        types=types_of("role", "managed policy", "inline policy"),
        config=ENVIRONMENT,
    ),
    Rule(
        id="misplaced-iam-resource",
        title="Roles, instance profiles and managed policies live under their environment's path.",
        remedy="Give it the path, on which grants to whoever manages roles depend.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        severity=Severity.HIGH,
        check=_misplaced,
        types=_WITH_PATH,
        config={
            **ENVIRONMENT,
            "path": {
                "type": "string",
                "description": "The path; ${environment} stands for the environment",
                "default": "/rocketclub/${environment}/",
            },
        },
    ),
)
