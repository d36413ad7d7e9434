"""Types: which of them a stack may hold, and how many identities and entry points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policies.inventory.elsewhere import OWNERS
from policies.inventory.table import table
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Scope, Severity

_ENGINE: Final = "pulumi"
"""The package of the engine's own types: the stack's root and the providers, which other rules judge."""

_LISTENER_RULE: Final = "aws:lb/listenerRule:ListenerRule"
_REFUSALS: Final = ("403", "503")

TYPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "types": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Types of resource that the stack may hold, as tokens (`aws:s3/bucket:Bucket`)",
        "default": [],
    },
    "components": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Packages of the program's own components, which have no provider",
        "default": [],
    },
}
NUMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "most": {
        "type": "object",
        "description": "Type that is counted -> how many of it the stack may hold at most",
        "default": {},
    }
}


def counts(type_: str, properties: Mapping[str, Json]) -> bool:
    """Tell whether a resource counts towards the agreed number of its type.

    A listener rule that only answers 403 or 503 is no entry point. A parked platform has such rules, a running one has
    none.
    """
    match properties.get("actions"):
        case [{"type": "fixed-response", "fixedResponse": {"statusCode": status}}] if type_ == _LISTENER_RULE:
            return status not in _REFUSALS
    return True


def _unjudged(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    type_, config = resource.type, judgement.config
    package = type_.partition(":")[0]
    if package == _ENGINE:
        if type_ not in table():
            yield Finding(f"No rule judges `{type_}`, so only a waiver lets it pass.")
    elif package in config["components"]:
        if resource.provider:
            yield Finding(f"`{type_}` has the package of a component, but a provider creates it.")
    elif type_ not in table():
        yield Finding(f"No rule judges `{type_}`, so listing it isn't enough: only a waiver lets it pass.")
    elif type_ not in config["types"]:
        yield Finding(f'`{type_}` isn\'t among the types of this stack. Line to add to `types`: "{type_}"')


def _too_many(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    numbers = Counter(resource.type for resource in resources if counts(resource.type, resource.properties))
    for type_, count in sorted(numbers.items()):
        most = judgement.config["most"].get(type_, 0)
        if isinstance(most, bool) or not isinstance(most, int | float):
            yield Finding(f"`most` has no number for `{type_}`; accepted: a whole number.")
        elif count > most:
            last = [resource for resource in resources if resource.type == type_][-1]
            yield Finding(
                f'The stack has {count} of `{type_}`; agreed: {most:g}. Line to set in `most`: "{type_}": {count}',
                last.urn,
            )


RULES: Final = (
    Rule(
        id="unjudged-type",
        title="A stack holds only types of resources that its owners agreed to.",
        remedy=f"Have {OWNERS} add the line to `unjudged-type`. If no rule judges the type, have them add a waiver "
        "with `resource`, `reason`, `owner` and `expires`.",
        source="https://www.pulumi.com/docs/iac/concepts/resources/names/#types",
        severity=Severity.HIGH,
        check=_unjudged,
        config=TYPES,
        by_agreement=True,
    ),
    Rule(
        id="unagreed-number",
        title="A stack holds no more identities and entry points than its owners agreed to.",
        remedy=f"Have {OWNERS} set the line in `unagreed-number`.",
        source="https://docs.aws.amazon.com/wellarchitected/latest/security-pillar/sec_permissions_define_guardrails.html",
        severity=Severity.HIGH,
        check=_too_many,
        early=_too_many,
        scope=Scope.STACK,
        types=frozenset(known.type for known in table().values() if known.counted),
        config=NUMBERS,
        by_agreement=True,
    ),
)
