"""Policy documents as a plan holds them, read as far as the rules of this pack need."""

from __future__ import annotations

import json
from collections.abc import Mapping

from policies.rulebook import Json


def statements(document: Json) -> list[Json]:
    """Return the statements of a document, which is JSON text or a mapping; they may be of any type.

    Nothing is returned for what isn't a document: the rules `malformed-document` and `unknown-document` say so.
    """
    try:
        read = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return []
    return listed(read.get("Statement")) if isinstance(read, Mapping) else []


def listed(value: Json) -> list[Json]:
    """Return what may be one or a list of several as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
