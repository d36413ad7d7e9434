"""What the roles of a stack have: documents of their own, managed policies, a boundary."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from policies.least_privilege.language.documents import Kind
from policies.least_privilege.stack.attached import documents
from policies.rulebook import Json, Resource

ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
POLICY: Final = "aws:iam/policy:Policy"

ATTACHMENTS: Final[Mapping[str, str]] = {
    ROLE: "managedPolicyArns",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "policyArn",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": "policyArns",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    "aws:iam/policyAttachment:PolicyAttachment": "policyArn",
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
}
"""Resource type -> the property that names managed policies."""


def attached_arns(resource: Resource) -> list[Json]:
    """Return the ARNs of managed policies that a resource attaches; each may be unknown, or anything."""
    path = ATTACHMENTS[resource.type]
    value = resource.get(path)
    if value is None:
        # A role may have none; an attachment must name what it attaches.
        return [] if resource.type == ROLE else [None]
    return value if isinstance(value, list) else [value]


def of_aws(arn: str) -> bool:
    """Tell whether a managed policy is AWS's own, by its ARN."""
    return arn.split(":")[4:5] == ["aws"]


@dataclass
class Held:
    """What one role has."""

    urn: str = ""
    texts: list[str] = field(default_factory=list)
    """Identity policies of its own."""
    arns: list[tuple[str, str]] = field(default_factory=list)
    """Managed policies: the ARN, and the URN of what attaches it."""
    boundary: Json = None
    """ARN of its boundary; None if it has none, `UNKNOWN` if a preview can't know it."""
    unknown: list[str] = field(default_factory=list)
    """What it has beside that, and a preview can't know. Not of the role's own properties in a stack rule, where the
    engine gives as unknown what nobody set; the rules about single resources judge those."""


def roles_of(resources: Iterable[Resource], inputs: bool = False) -> tuple[dict[str, Held], list[str]]:
    """Return what each role has, by its name, and the URNs of what belongs to a role that isn't known.

    `inputs` says that the properties are what the program gave, not the outputs that a stack rule gets.
    """
    roles: dict[str, Held] = defaultdict(Held)
    lost: list[str] = []
    for resource in resources:
        if resource.type not in TYPES or resource.type == POLICY:
            continue
        names = _names(resource)
        if any(not isinstance(name, str) for name in names):
            lost.append(resource.urn)
        for name in names:
            if isinstance(name, str):
                _add(roles[name], resource, inputs or resource.type != ROLE)
    return roles, lost


def _add(held: Held, resource: Resource, given: bool) -> None:
    if resource.type == ROLE or not held.urn:
        held.urn = resource.urn
    if resource.type == ROLE:
        held.boundary = resource.get("permissionsBoundary")
    for document in documents(resource):
        if document.kind is Kind.IDENTITY and document.text:
            held.texts.append(document.text)
        elif document.kind is Kind.IDENTITY and given:
            held.unknown.append(document.path)
    if resource.type in ATTACHMENTS:
        for arn in attached_arns(resource):
            if isinstance(arn, str):
                held.arns.append((arn, resource.urn))
            elif given:
                held.unknown.append(ATTACHMENTS[resource.type])


def _names(resource: Resource) -> list[Json]:
    if resource.type == ROLE:
        # A role without a name gets one that nobody can refer to at preview; its own policies still count together.
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
        *(ROLE, ROLE_POLICY, POLICY),
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        "aws:iam/policyAttachment:PolicyAttachment",
    )
)
"""What a role's permissions are made of."""


def policies_of(resources: Iterable[Resource]) -> dict[str, Resource]:
    """Return the stack's managed policies by the end of their ARN: `policy`, path and name."""
    found = {}
    for resource in resources:
        if resource.type == POLICY:
            name, path = resource.get("name"), resource.get("path", "/")
            if isinstance(name, str) and isinstance(path, str):
                found[f"policy{path}{name}"] = resource
    return found
