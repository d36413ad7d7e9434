"""Explicit names: no name is generated, and none is used twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.naming.physical_names import PHYSICAL_NAMES, shown
from policies.rulebook import Finding, Json, Judgement, Resource, Rules, Severity, Stack, Unjudgeable

RULES: Final = Rules()

_RANDOM: Final = r"-[0-9a-f]{7}"
"""The suffix that Pulumi adds to a logical name to generate a physical one."""


@RULES.resource(
    "generated-name",
    title="Resources that others refer to by name have an explicit name.",
    remedy="Give it a name that is known at preview.",
    source="https://www.pulumi.com/docs/iac/concepts/resources/names/",
    severity=Severity.MEDIUM,
    types=frozenset(PHYSICAL_NAMES),
)
def _generated(resource: Resource, _: Judgement) -> Iterator[Finding]:
    where = PHYSICAL_NAMES[resource.type]
    if where.prefix and resource.get(where.prefix) is not None:
        yield Finding(f"`{where.prefix}` makes AWS choose the end of the name.")
    elif (name := resource.get(where.property)) is None:
        yield Finding(f"It has no `{where.property}`, so Pulumi or AWS chooses the name.")
    # The engine asks the packs after the provider has filled in generated names.
    elif isinstance(name, str) and re.fullmatch(re.escape(resource.name) + _RANDOM, name):
        yield Finding(
            f"`{where.property}` {shown(name)} is the logical name with a random suffix, as Pulumi generates it."
        )


@RULES.stack(
    "duplicate-name",
    title="No two resources of a kind have the same name.",
    remedy="Rename one of them: creating the second one fails or overwrites the first.",
    source="https://www.pulumi.com/docs/iac/concepts/resources/names/",
    severity=Severity.HIGH,
    types=frozenset(PHYSICAL_NAMES),
)
def _duplicates(stack: Stack, _: Judgement) -> Iterator[Finding]:
    first: dict[tuple[str, ...], Resource] = {}
    # The engine promises no order. Sorting makes the rule always report the same one of two resources.
    for resource in sorted(stack, key=lambda resource: resource.urn):
        where = PHYSICAL_NAMES[resource.type]
        try:
            name = resource.text_or_none(where.property)
        except Unjudgeable as unjudgeable:
            yield Finding(f"{unjudgeable}.", resource.urn)
            continue
        if name is None:
            continue  # generated-name reports it
        place = tuple(_text(resource.get(path)) for path in where.within)
        other = first.setdefault((where.kind, name, _region(resource), *place), resource)
        if other is not resource:
            yield Finding(f"`{where.property}` {shown(name)} is also the name of {other.urn}.", resource.urn)


def _region(resource: Resource) -> str:
    """Return the region that a resource sets, else its provider's: a region that isn't set is unknown."""
    own, inherited = resource.get("region"), resource.provider.get("region")
    return own if isinstance(own, str) else _text(inherited)


def _text(value: Json) -> str:
    # All unknown values count as equal, so two resources that may collide are reported.
    return value if isinstance(value, str) else repr(value)
