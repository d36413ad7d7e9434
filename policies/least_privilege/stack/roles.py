"""What each role of a stack has: inline policies, managed policies, a boundary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from policies.least_privilege.language.documents import Kind
from policies.least_privilege.stack.attached import documents
from policies.rulebook import UNKNOWN, Json, Resource

ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
POLICY: Final = "aws:iam/policy:Policy"

_REFERENCE: Final = "customerManagedPolicyReference"
"""A property that names a policy by name and path, in whichever account the permission set is used."""

ATTACHMENTS: Final[Mapping[str, str]] = {
    ROLE: "managedPolicyArns",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": "policyArns",
    "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive": "policyArns",
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
    "aws:ssoadmin/customerManagedPolicyAttachment:CustomerManagedPolicyAttachment": _REFERENCE,
    "aws:quicksight/iamPolicyAssignment:IamPolicyAssignment": "policyArn",
}
"""Resource type -> the property that names managed policies."""


def attached_arns(resource: Resource) -> list[Json]:
    """Return the ARNs of managed policies that a resource attaches; each may be unknown, or any other value."""
    path = ATTACHMENTS[resource.type]
    value = resource.get(path)
    if value is None:
        # A role may have none; an attachment must name what it attaches.
        return [] if resource.type == ROLE else [None]
    if path == _REFERENCE:
        name, folder = resource.get(f"{path}.name"), resource.get(f"{path}.path") or "/"
        known = isinstance(name, str) and isinstance(folder, str)
        return [f"arn:aws:iam:::policy{folder}{name}" if known else UNKNOWN]
    return value if isinstance(value, list) else [value]


@dataclass
class RolePolicies:
    """What one role has."""

    urn: str = ""
    texts: list[tuple[str, str]] = field(default_factory=list)
    """Its inline policies: how messages name each, and its text."""
    arns: list[tuple[str, str]] = field(default_factory=list)
    """Managed policies: the ARN, and the URN of what attaches it."""
    boundary: Json = None
    """ARN of its boundary; None if it has none, `UNKNOWN` if a preview can't know it."""
    unknown: list[str] = field(default_factory=list)
    """Paths of properties that give it something and aren't known at preview.

    In a stack rule the role's own properties don't count, since the engine reports those that nobody set as unknown.
    The rules about single resources judge them."""


def collect_roles(resources: Iterable[Resource], *, inputs: bool = False) -> tuple[dict[str, RolePolicies], list[str]]:
    """Return what each role has, by its name, and the URNs of resources whose role a preview can't know.

    `inputs` says that the properties are those that the program set, not the outputs that a stack rule gets.
    """
    roles: dict[str, RolePolicies] = defaultdict(RolePolicies)
    lost: list[str] = []
    for resource in resources:
        if resource.type not in TYPES or resource.type == POLICY:
            continue
        names = _names(resource)
        if any(not isinstance(name, str) for name in names):
            lost.append(resource.urn)
        for name in names:
            if isinstance(name, str):
                _add(roles[name], resource, known=inputs or resource.type != ROLE)
    return roles, lost


def _add(held: RolePolicies, resource: Resource, *, known: bool) -> None:
    """Add what a resource gives to a role. `known` says that an unknown value was set, and isn't just missing."""
    if resource.type == ROLE or not held.urn:
        held.urn = resource.urn
    if resource.type == ROLE:
        held.boundary = resource.get("permissionsBoundary")
    for document in documents(resource):
        if document.kind is Kind.IDENTITY and document.text:
            held.texts.append((document.path if resource.type == ROLE else resource.name, document.text))
        elif document.kind is Kind.IDENTITY and known:
            held.unknown.append(document.path)
    if resource.type in ATTACHMENTS:
        for arn in attached_arns(resource):
            if isinstance(arn, str):
                held.arns.append((arn, resource.urn))
            elif known:
                held.unknown.append(ATTACHMENTS[resource.type])


def _names(resource: Resource) -> list[Json]:
    if resource.type == ROLE:
        # A role without a name gets one that no other resource can know at preview. Its own policies still count.
        name = resource.get("name")
        return [name if isinstance(name, str) else resource.urn]
    if resource.type == "aws:iam/policyAttachment:PolicyAttachment":
        names = resource.get("roles", [])
        return names if isinstance(names, list) else [names]
    if resource.type == "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive":
        return [resource.get("roleName")]
    return [resource.get("role")]


TYPES: Final = frozenset(
    (
        ROLE,
        ROLE_POLICY,
        POLICY,
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        "aws:iam/policyAttachment:PolicyAttachment",
    )
)
"""The types of resource that make up a role's permissions."""


def managed_policies(resources: Iterable[Resource]) -> dict[str, Resource]:
    """Return the managed policies that a stack defines, by the end of their ARN: `policy`, path and name."""
    found = {}
    for resource in resources:
        if resource.type == POLICY:
            name, path = resource.get("name"), resource.get("path", "/")
            if isinstance(name, str) and isinstance(path, str):
                found[f"policy{path}{name}"] = resource
    return found
