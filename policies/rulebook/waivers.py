"""Waivers: exceptions to a rule, written down with a reason, an owner and an end."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

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
                "description": "logical name, or URN; * and ? are wildcards, and a pattern with * must hold at least "
                "three letters or digits of the name",
            },
            "finding": {
                "type": "string",
                "minLength": 1,
                "description": "only findings whose text matches; * and ? are wildcards",
            },
            "reason": {"type": "string", "minLength": 10},
            "owner": {"type": "string", "minLength": 1},
            "expires": {
                "type": "string",
                "format": "date",
                "description": "last day it holds, YYYY-MM-DD, at most 366 days ahead",
            },
        },
    },
    "default": [],
}
"""JSON schema of the `waivers` key that every rule takes."""

LONGEST: Final = dt.timedelta(days=366)
"""How far ahead a waiver's last day may be, so that somebody has to argue for it again at least once a year."""

_URN: Final = "urn:"

_FIXED: Final = 3
"""Letters and digits that a name with a star must hold: with fewer it would match nearly every resource."""


@dataclass(frozen=True)
class Waiver:
    """One waiver, valid to the end of the day `expires` (UTC)."""

    resource: str
    reason: str
    owner: str
    expires: dt.date
    finding: str = "*"

    def covers(self, message: str) -> bool:
        """Tell whether it covers a finding with this message."""
        return _matches(message, self.finding)

    def names(self, urn: str) -> bool:
        """Tell whether it names this resource, by URN or logical name."""
        # urn:pulumi:STACK::PROJECT::TYPE::NAME, and only the name may hold "::" itself. A pattern that doesn't start
        # with `urn:` is a name; otherwise `*prod*` would match every URN of the stack.
        name = urn.split("::", 3)[-1]
        return _matches(name, self.resource) or (self.resource.startswith(_URN) and _matches(urn, self.resource))

    def expired(self, today: dt.date) -> bool:
        """Tell whether its last day is over."""
        return today > self.expires

    def too_long(self, today: dt.date) -> bool:
        """Tell whether its last day is further ahead than any waiver may last."""
        return self.expires - today > LONGEST

    def in_force(self, today: dt.date) -> bool:
        """Tell whether it covers anything today."""
        return not self.expired(today) and not self.too_long(today)


def _matches(text: str, pattern: str) -> bool:
    # Logical names such as `rule[0]` hold brackets, which fnmatch would take for a set of characters.
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def parse(entries: Any) -> tuple[list[Waiver], list[str]]:  # noqa: ANN401 - whatever a configuration holds
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


def _problem(entry: Any) -> str:  # noqa: ANN401 - whatever a configuration holds
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
            return f"needs a text for `{key}`" + (" that says why (10 characters or more)" if key == "reason" else "")
    if _covers_all(entry["resource"]):
        return (
            f"covers too much with `resource: {entry['resource']}`; accepted: a resource's name, or a URN with it; "
            f"a pattern with a star needs {_FIXED} letters or digits of the name"
        )
    return "" if _is_date(entry["expires"]) else f"has `expires: {entry['expires']}`; accepted: a date, YYYY-MM-DD"


def _covers_all(resource: str) -> bool:
    """Tell whether a pattern fixes so little of a resource's name that it matches nearly every resource."""
    if resource.startswith(_URN) and "::" not in resource:
        return True
    name = resource.rpartition("::")[2]
    wanted = _FIXED if "*" in name else 1 if "?" in name else 0
    return sum(map(str.isalnum, name)) < wanted


def _is_date(text: str) -> bool:
    # fromisoformat also takes 20261231 and 2026-W53-4, which the engine's schema check refuses.
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) and dt.date.fromisoformat(text))
    except ValueError:
        return False
