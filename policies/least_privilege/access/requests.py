"""What a holder can do with one action: single requests, and all requests for what a pattern matches."""

from __future__ import annotations

from policies.least_privilege.access.holders import Holder
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement


def names_action(statement: Statement, action: str) -> bool:
    """Tell whether a statement is about an action (in lower case)."""
    return any(patterns.matches(pattern, action) for pattern in statement.actions) != statement.negated_actions


def touches(statement: Statement, resource: str) -> bool:
    """Tell whether a statement is about some resource that a pattern matches."""
    if statement.negated_resources:
        return not any(patterns.includes(widen(named), resource) for named in statement.resources if "${" not in named)
    return any(patterns.intersects(widen(named), resource) for named in statement.resources)


def holds(statement: Statement, resource: str) -> bool:
    """Tell whether a statement is about all resources that a pattern matches."""
    if statement.negated_resources:
        return not any(patterns.intersects(widen(named), resource) for named in statement.resources)
    return any(includes(named, resource) for named in statement.resources)


def includes(outer: str, inner: str) -> bool:
    """Tell whether one resource pattern includes another, whatever the policy variables stand for."""
    if outer == inner:
        return True
    return "${" not in outer and patterns.includes(outer, widen(inner))


def widen(pattern: str) -> str:
    """Return a pattern with `*` for its policy variables; that matches everything that the pattern can match."""
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
