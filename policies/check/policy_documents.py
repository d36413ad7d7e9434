"""Turns a file that is one policy document into a resource that has this document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policies.check.bad_input import BadInput
from policies.check.source import Source, Subject, make
from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import RuleId
from policies.least_privilege.language.documents import Kind
from policies.least_privilege.stack.attached import PLACES

_HOLDERS: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.IDENTITY: ("aws:iam/rolePolicy:RolePolicy", "policy"),
    # A session policy limits permissions as a boundary does.
    Kind.BOUNDARY: ("aws:transfer/user:User", "policy"),
    Kind.TRUST: ("aws:iam/role:Role", "assumeRolePolicy"),
}
"""Kind of document -> a resource type with such a document, and the property that holds it."""

_SERVICES: Final[Mapping[str, tuple[str, str]]] = {
    place.service: (type_, place.path)
    for type_, places in reversed(list(PLACES.items()))
    for place in places
    if place.kind is Kind.RESOURCE
}
"""Service -> the same for the service's resource policies."""

_OTHER: Final = ("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "policy")
"""The same for any other service. Such a policy is judged by its principals, not by what suits an event bus."""


def is_document(content: object) -> bool:
    """Tell whether a file is a policy document."""
    return isinstance(content, Mapping) and "Statement" in content


def subject(source: Source, kind: Kind | None, service: str, account: str, role: str) -> Subject:
    """Return a resource that has a file's document. A kind that isn't given is recognized by the document.

    `role` is the role that an identity policy belongs to.

    Raises:
        BadInput: the file isn't a policy document, or there is no such service.
    """
    content = source.content
    if not is_document(content):
        raise BadInput("isn't a policy document: it has no `Statement`")
    text = source.text if source.text.lstrip().startswith("{") else _as_json(content)
    kind = kind or _kind(content)
    silent = frozenset[str]()
    if kind is not Kind.RESOURCE:
        type_, property_ = _HOLDERS[kind]
    elif (service := _known(service) or _service(content)) in _SERVICES:
        type_, property_ = _SERVICES[service]
    else:
        type_, property_ = _OTHER
        silent = frozenset((RuleId.RESOURCE_MISMATCH,))
    properties = {property_: text, "name": source.name, "role": role}
    return Subject(make(type_, source.name, properties, account), source, places={property_: ()}, silent=silent)


def _as_json(content: Mapping[str, Any]) -> str:
    try:
        return json.dumps(content)
    except (TypeError, ValueError):
        raise BadInput("holds a YAML value that JSON doesn't have") from None


def _kind(content: Mapping[str, Any]) -> Kind:
    entries = list(_statements(content))
    if not any("Principal" in entry or "NotPrincipal" in entry for entry in entries):
        return Kind.IDENTITY
    named = any("Resource" in entry or "NotResource" in entry for entry in entries)
    assumes = all(action.lower().startswith("sts:") for entry in entries for action in _texts(entry, "Action"))
    return Kind.TRUST if assumes and not named else Kind.RESOURCE


def _service(content: Mapping[str, Any]) -> str:
    """Return the first service that a resource policy names, by an action or a resource; empty if there is none."""
    entries = list(_statements(content))
    actions = [action.partition(":")[0].lower() for entry in entries for action in _texts(entry, "Action")]
    arns = [arn.split(":") for entry in entries for arn in _texts(entry, "Resource")]
    return next((one for one in [*actions, *(arn[2] for arn in arns if len(arn) > 2)] if one not in ("", "*")), "")


def _known(service: str) -> str:
    if service and service not in knowledge.prefixes():
        raise BadInput(f"can't be a resource policy of `{service}`; accepted: a service's action prefix, such as s3")
    return service


def _statements(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    entries = content["Statement"]
    yield from (entry for entry in (entries if isinstance(entries, list) else [entries]) if isinstance(entry, Mapping))


def _texts(entry: Mapping[str, Any], element: str) -> Sequence[str]:
    value = entry.get(element, entry.get(f"Not{element}", []))
    return [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)]
