"""Tags that grants check: their values on the resources of a stack, and the conditions that require them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.inventory.documents import listed
from policies.inventory.elsewhere import OWNERS
from policies.inventory.identity_policies import TYPES, allowing
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Severity

_FAMILIES: Final = ("aws:RequestTag/", "aws:ResourceTag/")
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html"""


def tag_conditions(inputs: Mapping[str, Json]) -> Iterator[tuple[str, str, Mapping[str, frozenset[str]]]]:
    """Yield the tag conditions of each Allow in a resource's identity policies.

    Each is the statement's place, the kind of tags (`aws:RequestTag/` or `aws:ResourceTag/`), and a mapping from tag to
    the values that it has to equal.
    """
    for place, statement in allowing(inputs):
        for family in _FAMILIES:
            asked = _asked(statement.get("Condition"), family)
            if asked is not None:
                yield place, family, asked


def _asked(condition: Json, family: str) -> Mapping[str, frozenset[str]] | None:
    """Return tag -> values that `StringEquals` requires, None if no tag is checked."""
    operators = condition if isinstance(condition, Mapping) else {}
    found = [
        (operator, key[len(family) :], values)
        for operator, keys in operators.items()
        if isinstance(keys, Mapping)
        for key, values in keys.items()
        if key.lower().startswith(family.lower())
    ]
    equal = {tag: frozenset(map(str, listed(values))) for operator, tag, values in found if operator == "StringEquals"}
    return equal if found else None


def _unpinned(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    pinned = judgement.config["tags"]
    own = resource.get("tags")
    for tag, value in own.items() if isinstance(own, Mapping) else ():
        if tag in pinned and value != pinned[tag]:
            yield Finding(f"The tag `{tag}` isn't `{pinned[tag]}`, so grants of other stacks may cover the resource.")
    for place, family, asked in tag_conditions(resource.properties) if resource.type in TYPES else ():
        values = {tag.lower(): of_tag for tag, of_tag in asked.items()}  # keys of conditions have no case
        for tag, value in pinned.items():
            if values.get(tag.lower()) != frozenset((value,)):
                yield Finding(f"`{place}` checks tags, but doesn't require `{family}{tag}` to equal `{value}`.")


RULES: Final = (
    Rule(
        id="pinned-tag",
        title="The tags by which grants recognize this stack's resources have agreed values, and grants that check "
        "tags require them all.",
        remedy=f"Set the tag or add the condition, or have {OWNERS} change `pinned-tag`: `tags`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html",
        severity=Severity.HIGH,
        check=_unpinned,
        by_agreement=True,
        config={
            "tags": {
                "type": "object",
                "description": "Tag that grants check -> its value on this stack's resources",
                "default": {},
            }
        },
    ),
)
