"""Values that no rule can tell right from wrong, and that matter: exactly those that the owners agreed to.

How much a task gets, what a health check looks for or which fields a log has is right for one platform and wrong for
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
"""Type -> path -> what the provider puts where the program says nothing; written by `generators`."""


def agreed_values(inputs: Iterable[tuple[str, Mapping[str, Json]]]) -> dict[str, dict[str, list[Json]]]:
    """Return type -> path -> what resources have there: a value, a list of several, null for none.

    The resources are given as type and properties. A provider's default counts as none.
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
    """Return path -> value, or the list of several, for the properties of a resource that are agreed to.

    The engine shows a provider's default as if the program had set it.
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
    """Return a text by which values compare; the engine knows one kind of number, JSON two."""
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
            yield Finding(f"`{path}` is left out." if value is None else f"`{path}` has a value that isn't agreed.")


TYPES: Final = frozenset(type_ for type_, known in table().items() if known.paths(AGREED))

RULES: Final = (
    Rule(
        id="pinned-value",
        title="What no rule can tell right from wrong is as its owners agreed.",
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
                "description": "Type -> property -> what its resources may have there: values, lists of several that "
                "one resource has, null where it may be left out",
                "default": {},
            },
            "defaults": {
                "type": "object",
                "description": "Type -> property -> what the provider puts where the program says nothing, for "
                "releases with other defaults than those in `policies/inventory/provider_defaults.json`",
                "default": {},
            },
        },
    ),
)
