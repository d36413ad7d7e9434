"""Reads the policy documents of a plan, as far as the rules of this pack need."""

from __future__ import annotations

import json
from collections.abc import Mapping

from policies.rulebook import Json


def statements(document: Json) -> list[Json]:
    """Return the statements of a document, which is JSON text or a mapping; they may be of any type.

    The list is empty if it isn't a document; the rules `malformed-document` and `unknown-document` report that.
    """
    try:
        read = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return []
    return listed(read.get("Statement")) if isinstance(read, Mapping) else []


def listed(value: Json) -> list[Json]:
    """Return a list as it is, a single value as a list of one, and None as an empty list."""
    return value if isinstance(value, list) else [] if value is None else [value]
