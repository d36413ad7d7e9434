"""Names of IAM policies, and paths of IAM resources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.naming.conventions import Convention
from policies.naming.environment import AGREED, ENVIRONMENT, stack_environment
from policies.naming.physical_names import resource_types
from policies.rulebook import Finding, Judgement, Resource, Rules, Severity

RULES: Final = Rules()

_POLICY: Final = Convention("ENV(?:-[a-z0-9]+)+", "`ENV-name`, lower case", 128)


@RULES.resource(
    "misnamed-policy",
    title="Inline and managed policies are named ${environment}-name.",
    remedy="Name it `${environment}-name`, lower-case letters and digits between single hyphens.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
    severity=Severity.MEDIUM,
    types=resource_types("role", "managed policy", "inline policy"),
    config={**ENVIRONMENT, **AGREED},
)
def _misnamed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if resource.type in resource_types("role"):
        for policy in resource.parts("inlinePolicies"):
            policy.text("name")  # a policy without a name can't be judged
            yield from _POLICY.judge(policy, "name", judgement)
    else:
        yield from _POLICY.judge(resource, "name", judgement)


@RULES.resource(
    "misplaced-iam-resource",
    title="Roles, instance profiles and managed policies are under their environment's path.",
    remedy="Set `path` to the path that the finding names: permissions to manage IAM resources are granted by path.",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
    severity=Severity.HIGH,
    types=resource_types("role", "managed policy", "instance profile"),
    config={
        **ENVIRONMENT,
        "path": {
            "type": "string",
            "description": "The path; ${project} and ${environment} stand for the stack's own",
            "default": "/${project}/${environment}/",
        },
    },
)
def _misplaced(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    path = judgement.config["path"].replace("${environment}", stack_environment(judgement))
    path = path.replace("${project}", judgement.project)
    # IAM's default path is "/".
    if resource.text_or_none("path") != path:
        yield Finding(f"`path` isn't `{path}`.")
