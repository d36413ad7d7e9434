"""Values that matter but that no rule can judge by itself: exactly those that the owners agreed to.

The memory of a task, the path of a health check or the fields of a log are right for one platform and wrong for
another. The lines of `types/*.txt` with the verdict `agreed` name such properties.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from policies.inventory.documents import listed
from policies.inventory.elsewhere import OWNERS
from policies.inventory.table import AGREED, leaves, property_leaves, table
from policies.rulebook import UNKNOWN, Finding, Json, Judgement, Resource, Rule, Severity

DEFAULTS: Final = Path(__file__).with_name("provider_defaults.json")
"""Type -> path -> the provider's default; written by `generators`."""


def agreed_values(inputs: Iterable[tuple[str, Mapping[str, Json]]]) -> dict[str, dict[str, list[Json]]]:
    """Return type -> path -> the values that resources have there.

    Each is a value, the list of values if a resource has several, or null if it has none. The resources are given as
    type and properties. A provider's default counts as no value.
    """
    found: dict[str, list[dict[str, Json]]] = {}
    for type_, properties in inputs:
        if type_ in TYPES:
            found.setdefault(type_, []).append(_values(type_, leaves(properties), _defaults().get(type_, {})))
    return {
        type_: {
            path: sorted({_key(one.get(path)): one.get(path) for one in resources}.values(), key=_key)
            for path in sorted({path for one in resources for path in one})
        }
        for type_, resources in sorted(found.items())
    }


def _values(type_: str, found: Iterable[tuple[str, str, Json]], defaults: Mapping[str, Json]) -> dict[str, Json]:
    """Return path -> value, or list of values, for the properties of a resource that need an agreement.

    Defaults are left out, since the engine shows a provider's default as if the program had set it.
    """
    values: dict[str, list[Json]] = {}
    for path, _, value in found:
        verdict = table()[type_].judge(path)
        if verdict and verdict.verb == AGREED and not (path in defaults and _key(value) == _key(defaults[path])):
            values.setdefault(path, []).append(value)
    return {path: several[0] if len(several) == 1 else several for path, several in values.items()}


@cache
def _defaults() -> Mapping[str, Mapping[str, Json]]:
    defaults: Mapping[str, Mapping[str, Json]] = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    return defaults


def _key(value: Json) -> str:
    """Return a text for comparing values: the engine has one kind of number, JSON has two."""
    return repr([float(one) if type(one) is int else one for one in listed(value)])


def _unagreed(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    agreed: Mapping[str, list[Json]] = judgement.config["values"].get(resource.type, {})
    defaults = {**_defaults().get(resource.type, {}), **judgement.config["defaults"].get(resource.type, {})}
    found = _values(resource.type, resource.shared(property_leaves), defaults)
    for path in sorted({*agreed, *found}):
        value = found.get(path)
        if any(one is UNKNOWN for one in listed(value)):
            yield Finding(f"`{path}` isn't known at preview.")
        elif _key(value) not in map(_key, agreed.get(path, [None])):
            yield Finding(
                f"`{path}` is left out, which isn't agreed."
                if value is None
                else f"`{path}` has a value that isn't agreed."
            )


TYPES: Final = frozenset(type_ for type_, known in table().items() if known.paths(AGREED))

RULES: Final = (
    Rule(
        id="pinned-value",
        title="Values that no rule can judge by itself are as the owners agreed.",
        remedy=f"Correct it, or have {OWNERS} change `pinned-value`: `values`, which "
        "`python -m policies.inventory.agreement write` writes from the plan.",
        source="https://www.pulumi.com/docs/insights/policy/policy-packs/",
        severity=Severity.MEDIUM,
        check=_unagreed,
        types=TYPES,
        by_agreement=True,
        config={
            "values": {
                "type": "object",
                "description": "Type -> property -> accepted values: a value, a list for a resource with several "
                "values, null if the property may be left out",
                "default": {},
            },
            "defaults": {
                "type": "object",
                "description": "Type -> property -> the provider's default, for provider releases whose defaults "
                "differ from `policies/inventory/provider_defaults.json`",
                "default": {},
            },
        },
    ),
)
