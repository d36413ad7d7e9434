"""Removes unknown values from a resource, so that the rest can be judged (`--allow-unknown`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from policies.check.source import Subject
from policies.least_privilege.faults.fault import RuleId
from policies.least_privilege.language.documents import Kind
from policies.least_privilege.stack.attached import PLACES
from policies.least_privilege.stack.roles import ATTACHMENTS, ROLE
from policies.rulebook import UNKNOWN, Json, Resource

RULE: Final = "unknown-document"
"""The rule that reports a document with unknown values."""

_OWNERS: Final = ("role", "roleName", "roles")


_DENIES: Final[Json] = {"Effect": "Deny", "Action": "sts:GetCallerIdentity", "Resource": "*"}
_DENIES_A_SERVICE: Final[Mapping[str, Json]] = {"Effect": "Deny", "Principal": {"Service": "ec2.amazonaws.com"}}
_FILLERS: Final[Mapping[Kind, Json]] = {
    Kind.IDENTITY: _DENIES,
    Kind.BOUNDARY: _DENIES,
    Kind.TRUST: {**_DENIES_A_SERVICE, "Action": "sts:SetSourceIdentity"},
    Kind.RESOURCE: {**_DENIES_A_SERVICE, "Action": "sts:GetCallerIdentity", "Resource": "*"},
}
"""Harmless statements that replace unknown ones, so that the others keep their numbers."""


def known_part(subject: Subject) -> Subject | None:
    """Return a resource without the statements, attachments and owners that aren't known; None if nothing is left."""
    resource = subject.resource
    properties = dict(resource.properties)
    silent = subject.silent
    for place in PLACES.get(resource.type, ()):
        value = properties.get(place.path)
        if value is not None and (known := _known_document(value, _FILLERS[place.kind])) != value:
            properties[place.path] = known
            # A statement that a key's policy lacks may be the unknown one.
            silent |= {RuleId.MALFORMED_DOCUMENT} if place.service == "kms" else frozenset()
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
            # The role's other policies can't be known, so the resource is judged by itself.
            properties[owner] = [resource.urn] if owner == "roles" else resource.urn
    if properties == resource.properties:
        return subject
    known_resource = Resource(resource.type, resource.urn, resource.name, properties, provider=resource.provider)
    return replace(subject, resource=known_resource, silent=silent)


def _known_document(value: Json, filler: Json) -> Json:
    """Return a document, or the inline policies of a role, with each statement that holds an unknown replaced."""
    if isinstance(value, list):
        return [
            {**one, "policy": _known_document(one.get("policy"), filler)} if isinstance(one, Mapping) else one
            for one in value
        ]
    if not isinstance(value, Mapping) or not _holds_unknown(value):
        return value
    statements = value.get("Statement")
    if not isinstance(statements, list) or _holds_unknown(value.get("Version")):
        return UNKNOWN
    return {**value, "Statement": [filler if _holds_unknown(one) else one for one in statements]}


def _holds_unknown(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_unknown, value.values()))
    return any(map(_holds_unknown, value)) if isinstance(value, list) else value is UNKNOWN
