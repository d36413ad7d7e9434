"""Reads plain values of a resource; values that are unknown, missing or of another kind count as absent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from policies.rulebook import UNKNOWN, Json, Resource

Key = TypeVar("Key", bound=Hashable)


def text(value: Json, key: str) -> str | None:
    """Return the text under a key."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) else None


def number(value: Json, key: str) -> float | None:
    """Return the number under a key."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def block(value: Json, key: str) -> Mapping[str, Json]:
    """Return the mapping under a key, empty if there is none."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def blocks(value: Json, key: str) -> list[Mapping[str, Json]]:
    """Return the mappings in the list under a key."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def texts(value: Json, key: str) -> list[str]:
    """Return the texts in the list under a key."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def given(value: Json, key: str) -> bool:
    """Tell whether there is a value under a key, known or not; the provider treats empty values as absent."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found is UNKNOWN or found not in (None, "", [], {}, False)


def own_region(resource: Resource) -> str | None:
    """Return the Region of a resource, None if it isn't known."""
    region = resource.get("region") or resource.provider.get("region")
    return region if isinstance(region, str) else None


def uncertain(resource: Resource, *keys: str) -> bool:
    """Tell whether one of the properties is unknown as a whole."""
    return any(resource.get(key) is UNKNOWN for key in keys)


def repeated(values: Iterable[Key]) -> list[Key]:
    """Return the values that are there more than once."""
    return [value for value, count in Counter(values).items() if count > 1]
