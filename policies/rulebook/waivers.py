"""Waivers: the way out of a rule, written down with a reason, an owner and an end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from rulebook.resource import Json

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "array",
    "description": "Resources that this rule lets pass, each with a reason, an owner and an end.",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["resource", "reason", "owner", "expires"],
        "properties": {
            "resource": {
                "type": "string",
                "minLength": 1,
                "description": "URN or logical name; * and ? are wildcards",
            },
            "finding": {
                "type": "string",
                "description": "only findings whose text matches; * and ? are wildcards",
            },
            "reason": {"type": "string", "minLength": 10},
            "owner": {"type": "string", "minLength": 1},
            "expires": {"type": "string", "format": "date", "description": "last day it holds, YYYY-MM-DD"},
        },
    },
    "default": [],
}
"""JSON schema of the `waivers` key that every rule takes."""


@dataclass(frozen=True)
class Waiver:
    """One waiver, valid to the end of the day `expires` (UTC)."""

    resource: str
    reason: str
    owner: str
    expires: dt.date
    finding: str = "*"

    def covers(self, urn: str, message: str) -> bool:
        """Tell whether it names this resource (by URN or logical name) and this finding."""
        name = urn.rpartition("::")[2]
        return (fnmatchcase(urn, self.resource) or fnmatchcase(name, self.resource)) and fnmatchcase(
            message, self.finding
        )

    def expired(self, today: dt.date) -> bool:
        """Tell whether its last day is over."""
        return today > self.expires


def parse(entries: Json) -> tuple[list[Waiver], list[str]]:
    """Read the `waivers` of a rule's configuration: the valid ones, and a problem for each of the others."""
    if not isinstance(entries, list):
        return [], ["`waivers` must be a list of {resource, reason, owner, expires}"]
    waivers: list[Waiver] = []
    problems: list[str] = []
    for index, entry in enumerate(entries):
        problem = _problem(entry)
        if problem:
            problems.append(f"`waivers[{index}]` {problem}")
        else:
            waivers.append(Waiver(**{**entry, "expires": dt.date.fromisoformat(entry["expires"])}))
    return waivers, problems


def _problem(entry: Json) -> str:
    schema = SCHEMA["items"]
    if not isinstance(entry, Mapping):
        return f"must be a mapping with {', '.join(schema['required'])}"
    for key in schema["required"]:
        if key not in entry:
            return f"lacks `{key}`"
    for key, value in entry.items():
        if key not in schema["properties"]:
            return f"has the unknown key `{key}`; accepted: {', '.join(schema['properties'])}"
        if not isinstance(value, str) or len(value) < schema["properties"][key].get("minLength", 0):
            return f"needs a text for `{key}`" + (
                " that says why (10 characters or more)" if key == "reason" else ""
            )
    try:
        dt.date.fromisoformat(entry["expires"])
    except ValueError:
        return f"has `expires: {entry['expires']}`; accepted: a date, YYYY-MM-DD"
    return ""
