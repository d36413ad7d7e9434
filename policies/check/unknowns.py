"""What is left of a resource once all that isn't known is taken away (`--allow-unknown`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from policies.check.source import Subject
from policies.least_privilege.stack.attached import PLACES
from policies.least_privilege.stack.roles import ATTACHMENTS, ROLE
from policies.rulebook import UNKNOWN, Json, Resource

RULE: Final = "unknown-document"
"""The rule that speaks of a document that isn't known."""

_OWNERS: Final = ("role", "roleName", "roles")


def known_part(subject: Subject) -> Subject | None:
    """Return a resource without the statements, attachments and owners that aren't known; None if nothing is left."""
    resource = subject.resource
    properties = dict(resource.properties)
    for place in PLACES.get(resource.type, ()):
        if place.path in properties:
            properties[place.path] = _known_document(properties[place.path])
    if attached := ATTACHMENTS.get(resource.type):
        value = properties.get(attached)
        if isinstance(value, list):
            properties[attached] = [one for one in value if one is not UNKNOWN]
        elif value is UNKNOWN and resource.type != ROLE:
            return None
        elif value is UNKNOWN:
            del properties[attached]
    for owner in _OWNERS:
        if owner in properties and _holds_unknown(properties[owner]):
            # Nobody knows with which others it comes together; by itself it is judged.
            properties[owner] = [resource.urn] if owner == "roles" else resource.urn
    if properties == resource.properties:
        return subject
    return replace(
        subject, resource=Resource(resource.type, resource.urn, resource.name, properties, provider=resource.provider)
    )


def _known_document(value: Json) -> Json:
    """Return a document, or the inline policies of a role, without the statements that aren't known in full."""
    if isinstance(value, list):
        return [
            {**one, "policy": _known_document(one.get("policy"))} if isinstance(one, Mapping) else one for one in value
        ]
    if not isinstance(value, Mapping) or not _holds_unknown(value):
        return value
    statements = value.get("Statement")
    # Numbers and lines stay those of the whole document.
    known = [
        {"Sid": f"Statement{number}", **one} if isinstance(one, Mapping) else one
        for number, one in enumerate(statements if isinstance(statements, list) else [], start=1)
        if not _holds_unknown(one)
    ]
    return {**value, "Statement": known} if known and not _holds_unknown(value.get("Version")) else UNKNOWN


def _holds_unknown(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_unknown, value.values()))
    return any(map(_holds_unknown, value)) if isinstance(value, list) else value is UNKNOWN
