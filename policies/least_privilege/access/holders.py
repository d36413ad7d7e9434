"""What each principal of a stack has: identity policies within a boundary, and what resources say about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Kind, Statement, parse
from policies.least_privilege.stack.attached import PLACES, documents
from policies.least_privilege.stack.roles import ATTACHMENTS, TYPES, attached_arns, of_aws, policies_of, roles_of
from policies.rulebook import Json, Resource


@dataclass
class Holder:
    """Somebody, and the statements that speak of them.

    `name` is a role's, or says who and to what for the principal of a resource policy. `boundary` is None without one.
    `unclear` says what is there and can't be read; `elsewhere` names managed policies of somebody else.
    """

    name: str
    kind: str = "role"
    """role, user, policy (managed, attached to nobody here), trust or resource."""
    allows: list[Statement] = field(default_factory=list)
    denials: list[Statement] = field(default_factory=list)
    boundary: list[Statement] | None = None
    boundary_arn: str = ""
    """Only of a boundary whose contents the stack doesn't hold."""
    unclear: list[str] = field(default_factory=list)
    elsewhere: set[str] = field(default_factory=set)

    def add(self, text: str, kind: Kind = Kind.IDENTITY) -> None:
        """Add the statements of an identity policy."""
        document = parse(text, kind)
        self.unclear += [f"a policy that IAM wouldn't take: {problem}" for problem in document.problems]
        for statement in document.statements:
            (self.allows if statement.allow else self.denials).append(statement)

    def bound(self, text: str) -> None:
        """Set the boundary. What it denies is denied, as if the holder's own policy said so."""
        document = parse(text, Kind.BOUNDARY)
        self.unclear += [f"a boundary that IAM wouldn't take: {problem}" for problem in document.problems]
        self.boundary = [statement for statement in document.statements if statement.allow]
        self.denials += [statement for statement in document.statements if not statement.allow]


def holders(resources: Sequence[Resource], inputs: bool = False) -> dict[str, Holder]:
    """Return everybody who has something, by a key that is the same in another plan of the stack.

    `inputs` says that the properties are what the program gave, not the outputs that a stack rule gets.
    """
    found: dict[str, Holder] = {}
    policies = policies_of(resources)
    used: set[str] = set()
    roles, lost = roles_of(resources, inputs)
    for name, held in roles.items():
        holder = found[f"role {name}"] = Holder(name)
        for text in held.texts:
            holder.add(text)
        holder.unclear += [f"`{path}`, which a preview can't know" for path in held.unknown]
        for arn, _ in dict.fromkeys(held.arns):
            _attach(holder, arn, policies, used)
        if held.boundary is not None:
            _bound(holder, held.boundary, policies, used)
    if lost:
        found["lost"] = Holder("a role that a preview can't know", unclear=[f"`{urn}`" for urn in lost])
    for resource in resources:
        if resource.type in PLACES or resource.type in ATTACHMENTS:
            if resource.type not in TYPES:
                _others(found, resource, policies, used)
            for key, holder in _by_resource(resource):
                found[key] = holder
    for end, policy in policies.items():
        if end not in used:
            holder = found[f"policy {end}"] = Holder(f"whoever has the policy {end.rpartition('/')[2]}", "policy")
            _texts(holder, policy)
    return found


def _attach(holder: Holder, arn: str, policies: Mapping[str, Resource], used: set[str]) -> None:
    end = arn.split(":", 5)[-1]
    if of_aws(arn):
        text = knowledge.managed_policy(arn)
        if text is None:
            holder.elsewhere.add(arn)
        else:
            holder.add(text)
    elif end in policies:
        used.add(end)
        _texts(holder, policies[end])
    else:
        holder.elsewhere.add(arn)


def _texts(holder: Holder, resource: Resource) -> None:
    for document in documents(resource):
        if document.kind is Kind.IDENTITY and document.text:
            holder.add(document.text)
        elif document.kind is Kind.IDENTITY:
            holder.unclear.append(f"`{document.path}`, which a preview can't know")


def _bound(holder: Holder, arn: Json, policies: Mapping[str, Resource], used: set[str]) -> None:
    if not isinstance(arn, str):
        holder.unclear.append("`permissionsBoundary`, which a preview can't know")
        return
    end = arn.split(":", 5)[-1]
    text = knowledge.managed_policy(arn) if of_aws(arn) else None
    if not of_aws(arn) and end in policies:
        used.add(end)
        value = policies[end].get("policy")
        text = value if isinstance(value, str) else None
    if text is None:
        holder.boundary_arn = arn
    else:
        holder.bound(text)


def _others(found: dict[str, Holder], resource: Resource, policies: Mapping[str, Resource], used: set[str]) -> None:
    """Add what users, groups and permission sets have."""
    if resource.type not in ATTACHMENTS and not any(place.kind is Kind.IDENTITY for place in PLACES[resource.type]):
        return
    name = next((value for key in ("user", "group") if isinstance(value := resource.get(key), str)), resource.urn)
    holder = found.setdefault(f"user {name}", Holder(name, "user"))
    _texts(holder, resource)
    for arn in attached_arns(resource) if resource.type in ATTACHMENTS else ():
        if isinstance(arn, str):
            _attach(holder, arn, policies, used)
        else:
            holder.unclear.append("a managed policy that a preview can't know")


_NAMES: Final = ("bucket", "name", "queueUrl", "arn", "secretArn", "function", "repository", "repositoryName")


def _by_resource(resource: Resource) -> Iterator[tuple[str, Holder]]:
    """Yield whom trust and resource policies let in: one holder for each principal and resource."""
    for document in documents(resource):
        if document.kind not in (Kind.TRUST, Kind.RESOURCE):
            continue
        where = next((value for key in _NAMES if isinstance(value := resource.get(key), str)), resource.name)
        key = f"{document.kind.value} {document.path} of {resource.urn}"
        if not document.text:
            yield (
                key,
                Holder(
                    f"somebody, to {where}",
                    document.kind.name.lower(),
                    unclear=[f"`{document.path}`, which a preview can't know"],
                ),
            )
            continue
        read = parse(document.text, document.kind)
        yield from _of_principals(read.statements, document.kind, key, where)
        if read.problems:
            yield (
                key,
                Holder(
                    f"somebody, to {where}", document.kind.name.lower(), unclear=["a policy that IAM wouldn't take"]
                ),
            )


def _of_principals(statements: Iterable[Statement], kind: Kind, key: str, where: str) -> Iterator[tuple[str, Holder]]:
    found: dict[str, Holder] = {}
    statements = list(statements)
    denials = [statement for statement in statements if not statement.allow]
    for statement in statements:
        names = [f"{principal.kind} {principal.name}" for principal in statement.principals]
        if statement.negated_principals:
            names = [f"everybody but {', '.join(sorted(names))}"]
        for name in names if statement.allow else ():
            shown = "everybody" if name == "AWS *" else name.removeprefix("AWS ").removeprefix("Service ")
            holder = found.setdefault(
                f"{key} {name}", Holder(f"{shown} (by the {kind.value} of {where})", kind.name.lower())
            )
            holder.allows.append(statement)
    for holder_key, holder in found.items():
        holder.denials += denials
        yield holder_key, holder
    if denials:
        # Nobody's grant, but what it refuses is refused to the stack's own roles as well.
        yield f"{key} denials", Holder(f"everybody, to {where}", "denials", denials=denials)


# --- single requests -----------------------------------------------------------------------------------------------


def names_action(statement: Statement, action: str) -> bool:
    """Tell whether a statement speaks of an action (in lower case)."""
    return any(patterns.matches(pattern, action) for pattern in statement.actions) != statement.negated_actions


def touches(statement: Statement, resource: str) -> bool:
    """Tell whether a statement speaks of some resource that a pattern matches."""
    if statement.negated_resources:
        return not any(patterns.includes(widest(named), resource) for named in statement.resources if "${" not in named)
    return any(patterns.intersects(widest(named), resource) for named in statement.resources)


def holds(statement: Statement, resource: str) -> bool:
    """Tell whether a statement speaks of all resources that a pattern matches."""
    if statement.negated_resources:
        return not any(patterns.intersects(widest(named), resource) for named in statement.resources)
    return any(includes(named, resource) for named in statement.resources)


def includes(outer: str, inner: str) -> bool:
    """Tell whether one resource pattern includes another, whatever stands for the policy variables."""
    if outer == inner:
        return True
    return "${" not in outer and patterns.includes(outer, widest(inner))


def widest(pattern: str) -> str:
    """Return a pattern that matches at least what another can, with `*` for its policy variables."""
    while "${" in pattern:
        before, _, rest = pattern.partition("${")
        pattern = f"{before}*{rest.partition('}')[2]}"
    return pattern


def may(holder: Holder, action: str, resource: str) -> bool:
    """Tell whether some request for an action on a pattern's resources could be allowed; conditions count as met."""
    if any(
        not denial.conditions and names_action(denial, action) and holds(denial, resource) for denial in holder.denials
    ):
        return False
    return all(
        any(names_action(allow, action) and touches(allow, resource) for allow in allows)
        for allows in (holder.allows, holder.boundary)
        if allows is not None
    )


def can(holder: Holder, action: str, resource: str) -> bool:
    """Tell whether an action is allowed on all that a pattern matches; conditions of an Allow count as met."""
    if any(
        not denial.conditions and names_action(denial, action) and touches(denial, resource)
        for denial in holder.denials
    ):
        return False
    return all(
        any(names_action(allow, action) and holds(allow, resource) for allow in allows)
        for allows in (holder.allows, holder.boundary)
        if allows is not None
    )
