"""Tags on every resource that can have tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from policies.naming.environment import ENVIRONMENT, stack_environment
from policies.naming.taggable import TAGGABLE
from policies.rulebook import UNKNOWN, Finding, Json, Judgement, Resource, Rules, Severity, Unjudgeable

RULES: Final = Rules()

_LISTED: Final = frozenset({"aws:autoscaling/group:Group"})
"""Types whose tags are a list of `{key, value}`."""


@RULES.resource(
    "missing-tags",
    title="Every taggable resource has the required tags, and its `Environment` is the stack's own.",
    remedy="Set the tags on the resource, or as its provider's default tags.",
    source="https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html",
    severity=Severity.MEDIUM,
    types=TAGGABLE,
    config={
        **ENVIRONMENT,
        "required": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Tags that must be there and not empty",
            "default": ["Project", "Environment", "Component", "ManagedBy"],
        },
    },
)
def _missing(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    tags = {**_default_tags(resource), **_own_tags(resource)}
    for key in judgement.config["required"]:
        value = tags.get(key)
        if value is UNKNOWN:
            yield Finding(f"The tag `{key}` isn't known at preview, so the gate can't judge it.")
        elif not isinstance(value, str) or not value.strip():
            yield Finding(f"The tag `{key}` is missing, empty or not a text.")
        elif key == "Environment" and value != stack_environment(judgement):
            yield Finding(f"The tag `{key}` isn't `{stack_environment(judgement)}`.")


def _own_tags(resource: Resource) -> Mapping[str, Json]:
    if resource.type not in _LISTED:
        return resource.mapping("tags")
    return {tag.text("key"): tag.get("value") for tag in resource.parts("tags")}


def _default_tags(resource: Resource) -> Mapping[str, Json]:
    """Return the provider's default tags, which a resource inherits. A provider's nested inputs arrive as JSON text.

    When the engine has the AWS provider check the inputs, the provider merges these tags into `tags` and reports the
    result as `tagsAll`. A rehearsal has no provider to do so. Either way they count, and the resource's own override
    them.

    Raises:
        Unjudgeable: they are unknown or malformed.
    """
    given = resource.provider.get("defaultTags")
    if given is None:
        return {}
    try:
        document = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        document = UNKNOWN
    tags = document.get("tags") if isinstance(document, Mapping) else UNKNOWN
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise Unjudgeable("defaultTags", "of the provider are unknown or malformed", resource.urn)
    return tags
