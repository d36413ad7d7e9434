"""Tags that grants look at: their values on the resources of a stack, and the conditions that ask for them."""

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
    """Yield, for each Allow in the identity policies of a resource that looks at tags: the statement's place, which
    tags it looks at (`aws:RequestTag/` or `aws:ResourceTag/`), and the values that each has to be equal to.
    """
    for place, statement in allowing(inputs):
        for family in _FAMILIES:
            asked = _asked(statement.get("Condition"), family)
            if asked is not None:
                yield place, family, asked


def _asked(condition: Json, family: str) -> Mapping[str, frozenset[str]] | None:
    """Return tag -> values that `StringEquals` demands, None where no tag is looked at."""
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
            yield Finding(f"The tag `{tag}` isn't `{pinned[tag]}`, so grants of others may take it for theirs.")
    for place, family, asked in tag_conditions(resource.properties) if resource.type in TYPES else ():
        values = {tag.lower(): of_tag for tag, of_tag in asked.items()}  # keys of conditions have no case
        for tag, value in pinned.items():
            if values.get(tag.lower()) != frozenset((value,)):
                yield Finding(f"`{place}` looks at tags and doesn't ask that `{family}{tag}` equals `{value}`.")


RULES: Final = (
    Rule(
        id="pinned-tag",
        title="Tags by which grants tell this stack's resources from others are agreed, and a grant asks for all.",
        remedy=f"Set the tag or add the condition, or have {OWNERS} change `pinned-tag`: `tags`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html",
        severity=Severity.HIGH,
        check=_unpinned,
        by_agreement=True,
        config={
            "tags": {
                "type": "object",
                "description": "Tag that grants look at -> its value on this stack's resources",
                "default": {},
            }
        },
    ),
)
