"""What each principal of a stack has: identity policies within a boundary, and what resources say about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.language.documents import Kind, Statement, parse
from policies.least_privilege.meaning.resources import is_made_by_aws
from policies.least_privilege.stack.attached import PLACES, documents
from policies.least_privilege.stack.roles import (
    ATTACHMENTS,
    TYPES,
    attached_arns,
    collect_roles,
    managed_policies,
)
from policies.rulebook import Json, Resource


@dataclass
class Holder:
    """Somebody, and the statements that are about them."""

    name: str
    """A role's name; for the principal of a resource policy, who it is and which policy lets it in."""
    kind: str = "role"
    """role, user, policy (managed, attached to nobody here), trust, resource, or denials (of a resource policy)."""
    allows: list[Statement] = field(default_factory=list)
    denials: list[Statement] = field(default_factory=list)
    boundary: list[Statement] | None = None
    """What its boundary allows; None without a boundary."""
    boundary_arn: str = ""
    """ARN of a boundary whose contents the stack doesn't hold."""
    unclear: list[str] = field(default_factory=list)
    """What it has that can't be read."""
    elsewhere: set[str] = field(default_factory=set)
    """ARNs of attached policies that aren't part of the stack."""
    principal: str = ""
    """Of a trust or resource policy: whom it lets in."""
    place: str = ""
    """Of a trust or resource policy: the name of what it belongs to."""

    def add(self, text: str, kind: Kind = Kind.IDENTITY) -> None:
        """Add the statements of an identity policy."""
        document = parse(text, kind)
        self.unclear += [f"a policy that IAM would refuse: {problem}" for problem in document.problems]
        for statement in document.statements:
            (self.allows if statement.allow else self.denials).append(statement)

    def bound(self, text: str) -> None:
        """Set the boundary. Its denials count as the holder's own."""
        document = parse(text, Kind.BOUNDARY)
        self.unclear += [f"a boundary that IAM would refuse: {problem}" for problem in document.problems]
        self.boundary = [statement for statement in document.statements if statement.allow]
        self.denials += [statement for statement in document.statements if not statement.allow]


def holders(resources: Sequence[Resource], *, inputs: bool = False) -> dict[str, Holder]:
    """Return everybody to whom a stack gives access, by a key that is the same in another plan of the stack.

    `inputs` says that the properties are those that the program set, not the outputs that a stack rule gets.
    """
    found: dict[str, Holder] = {}
    policies = managed_policies(resources)
    used: set[str] = set()
    roles, lost = collect_roles(resources, inputs=inputs)
    for name, held in roles.items():
        holder = found[f"role {name}"] = Holder(name)
        for _, text in held.texts:
            holder.add(text)
        holder.unclear += [f"`{path}`, which isn't known at preview" for path in held.unknown]
        for arn, _ in dict.fromkeys(held.arns):
            _attach(holder, arn, policies, used)
        if held.boundary is not None:
            _add_boundary(holder, held.boundary, policies, used)
    if lost:
        found["lost"] = Holder("a role that isn't known at preview", unclear=[f"`{urn}`" for urn in lost])
    for resource in resources:
        if resource.type in PLACES or resource.type in ATTACHMENTS:
            if resource.type not in TYPES:
                _add_user(found, resource, policies, used)
            for key, holder in _policy_principals(resource):
                found[key] = holder
    for end, policy in policies.items():
        if end not in used:
            holder = found[f"policy {end}"] = Holder(f"anyone with the policy {end.rpartition('/')[2]}", "policy")
            _add_documents(holder, policy)
    return found


def _attach(holder: Holder, arn: str, policies: Mapping[str, Resource], used: set[str]) -> None:
    end = arn.split(":", 5)[-1]
    if is_made_by_aws(arn):
        text = knowledge.managed_policy(arn)
        if text is None:
            holder.elsewhere.add(arn)
        else:
            holder.add(text)
    elif end in policies:
        used.add(end)
        _add_documents(holder, policies[end])
    else:
        holder.elsewhere.add(arn)


def _add_documents(holder: Holder, resource: Resource) -> None:
    for document in documents(resource):
        if document.kind is Kind.IDENTITY and document.text:
            holder.add(document.text)
        elif document.kind is Kind.IDENTITY:
            holder.unclear.append(f"`{document.path}`, which isn't known at preview")


def _add_boundary(holder: Holder, arn: Json, policies: Mapping[str, Resource], used: set[str]) -> None:
    if not isinstance(arn, str):
        holder.unclear.append("`permissionsBoundary`, which isn't known at preview")
        return
    end = arn.split(":", 5)[-1]
    text = knowledge.managed_policy(arn) if is_made_by_aws(arn) else None
    if not is_made_by_aws(arn) and end in policies:
        used.add(end)
        value = policies[end].get("policy")
        text = value if isinstance(value, str) else None
    if text is None:
        holder.boundary_arn = arn
    else:
        holder.bound(text)


def _add_user(found: dict[str, Holder], resource: Resource, policies: Mapping[str, Resource], used: set[str]) -> None:
    """Add what a resource gives to a user, a group or a permission set."""
    if resource.type not in ATTACHMENTS and not any(place.kind is Kind.IDENTITY for place in PLACES[resource.type]):
        return
    name = next((value for key in ("user", "group") if isinstance(value := resource.get(key), str)), resource.urn)
    holder = found.setdefault(f"user {name}", Holder(name, "user"))
    _add_documents(holder, resource)
    for arn in attached_arns(resource) if resource.type in ATTACHMENTS else ():
        if isinstance(arn, str):
            _attach(holder, arn, policies, used)
        else:
            holder.unclear.append("a managed policy that isn't known at preview")


_NAMES: Final = ("bucket", "name", "queueUrl", "arn", "secretArn", "function", "repository", "repositoryName")
"""Properties, one of which names the resource that a policy belongs to."""


def _policy_principals(resource: Resource) -> Iterator[tuple[str, Holder]]:
    """Yield those whom trust and resource policies let in: one holder for each principal and resource."""
    for document in documents(resource):
        if document.kind not in (Kind.TRUST, Kind.RESOURCE):
            continue
        where = next((value for key in _NAMES if isinstance(value := resource.get(key), str)), resource.name)
        key = f"{document.kind.value} {document.path} of {resource.urn}"
        read = parse(document.text, document.kind) if document.text else None
        if read is None:
            unclear = f"`{document.path}`, which isn't known at preview"
        else:
            yield from _principal_holders(read.statements, document.kind, key, where)
            unclear = "a policy that IAM would refuse" if read.problems else ""
        if unclear:
            yield (
                key,
                Holder(
                    f"somebody (by the {document.kind.value} of {where})", document.kind.name.lower(), unclear=[unclear]
                ),
            )


def _principal_holders(
    statements: Iterable[Statement], kind: Kind, key: str, where: str
) -> Iterator[tuple[str, Holder]]:
    found: dict[str, Holder] = {}
    statements = list(statements)
    denials = [statement for statement in statements if not statement.allow]
    for statement in statements:
        names = [f"{principal.kind} {principal.name}" for principal in statement.principals]
        if statement.negated_principals:
            names = [f"everybody but {', '.join(sorted(names))}"]
        for name in names if statement.allow else ():
            shown = "everybody" if name == "AWS *" else name.removeprefix("AWS ").removeprefix("Service ")
            called = f"{shown} (by the {kind.value} of {where})"
            holder = Holder(called, kind.name.lower(), principal=shown, place=where)
            found.setdefault(f"{key} {name}", holder).allows.append(statement)
    for holder_key, holder in found.items():
        holder.denials += denials
        yield holder_key, holder
    if denials:
        # Denials grant nothing, but they also apply to the stack's own roles.
        yield f"{key} denials", Holder(f"everybody (by the {kind.value} of {where})", "denials", denials=denials)
