"""Faults of denials: they deny nobody, they deny those who should pass, or they miss what the document allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from policies.least_privilege.faults import denial_conditions
from policies.least_privilege.faults.fault import Fault, RuleId
from policies.least_privilege.faults.places import add_places, parts_at, whole_statement
from policies.least_privilege.faults.wording import quote, shorten, spell
from policies.least_privilege.language import patterns
from policies.least_privilege.language.binding_keys import is_literal
from policies.least_privilege.language.conditions import Condition
from policies.least_privilege.language.documents import Kind, Statement
from policies.least_privilege.meaning import principals, resources
from policies.least_privilege.meaning.grants import DENIALS

_MOST_PAIRED: Final = 10
"""How many denials are compared with each other."""


def denial_faults(statements: Sequence[Statement], kind: Kind) -> Iterator[Fault]:
    """Yield the faults of the denials among a document's statements."""
    denials = [statement for statement in statements if not statement.allow]
    if not denials:
        return
    allows = [statement for statement in statements if statement.allow]
    for denial in denials:
        for problem in _condition_problems(denial, denials, kind) if denial.conditions else ():
            yield Fault(
                RuleId.INEFFECTIVE_CONDITION, f"{denial.where} {problem}.", parts=parts_at(whole_statement(denial))
            )
    # Each denial is compared with all other statements, so only some of them count.
    for place, denial in enumerate(denials[:DENIALS]):
        yield from add_places(_comparison_faults(denial, allows, kind), denial)
        for other in denials[place + 1 : _MOST_PAIRED]:
            if _spare_nobody(denial, other):
                yield Fault(
                    RuleId.INEFFECTIVE_CONDITION,
                    f"{denial.where} and {other.where} together deny everybody: each denies those whom the other "
                    "spares.",
                    parts=parts_at(whole_statement(denial), whole_statement(other)),
                )


def covers(denial: Statement, allow: Statement) -> bool:
    """Tell whether a denial names all actions and resources of an Allow."""
    return (
        not (denial.negated_actions or denial.negated_resources or allow.negated_actions or allow.negated_resources)
        and _include(denial.actions, allow.actions)
        and _include(denial.resources, allow.resources)
    )


def _include(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    return all(any(patterns.includes(one, other) for one in wide) for other in narrow)


# --- conditions -------------------------------------------------------------------------------------------------------


def _condition_problems(denial: Statement, denials: Sequence[Statement], kind: Kind) -> Iterator[str]:
    """Yield how the conditions of a denial miss their purpose."""
    given = denial.conditions
    if safe := denial_conditions.blocked_safe_requests(given, in_trust=kind is Kind.TRUST):
        yield f"denies requests {safe}, and no others"
    elif key := denial_conditions.excluded_entirely(given):
        yield f"denies nothing: it spares every `{shorten(key)}`"
    elif key := denial_conditions.required_by_qualifier(given):
        yield f"doesn't deny requests without `{shorten(key)}`: without the key, `ForAnyValue` is false"
    elif denial_conditions.blocks_services(given):
        yield "denies AWS's own services, and nobody else"
    elif denial_conditions.blocks_plain_http(given):
        yield from _tls_gaps(denial, kind)
    elif denial_conditions.spares_access_keys(given) and not _deny_missing_mfa(denials):
        yield (
            "doesn't deny requests of access keys, which lack `aws:MultiFactorAuthPresent`: `BoolIfExists` would deny "
            "them"
        )
    # A second line would limit the denial to a special case.
    if (
        kind is Kind.RESOURCE
        and len(given) == 1
        and principals.include_everybody(denial.principals)
        and _selects_the_wanted(given[0])
    ):
        yield f"denies requests with the wanted `{given[0].key}`, and spares all others"


_ENCRYPTED: Final = frozenset(("aws:kms", "aws:kms:dsse"))


def _selects_the_wanted(line: Condition) -> bool:
    encrypted = line.key == "s3:x-amz-server-side-encryption" and not _ENCRYPTED.isdisjoint(line.values)
    # A role that should be denied would be named as the principal.
    named = line.key == "aws:principalarn" and all(map(is_literal, line.values))
    return line.demands() and (named or encrypted)


def _tls_gaps(denial: Statement, kind: Kind) -> Iterator[str]:
    """Yield what a denial of requests without TLS leaves out: a bucket, its objects, or most callers
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html)."""
    if len(denial.conditions) > 1 and not denial_conditions.spares_services(denial.conditions):
        yield "denies requests without TLS only where its other conditions hold too"
    if all(resources.bucket(one) == one and "*" not in one for one in denial.resources):
        yield "denies requests to the bucket only, not to its objects"
    elif kind is Kind.RESOURCE:
        if denial.principals and not principals.include_everybody(denial.principals):
            yield "denies requests without TLS only to the principals that it names"
        if "s3:*" in denial.actions and all(
            one.startswith("arn:aws") and one.endswith("/*") for one in denial.resources
        ):
            yield "denies requests to the objects only, not to the bucket"


def _deny_missing_mfa(denials: Sequence[Statement]) -> bool:
    """Tell whether one of several denials checks whether a request holds a key about MFA."""
    return any(
        line.operator == "null" and line.key.startswith("aws:multifactorauth")
        for denial in denials
        for line in denial.conditions
    )


def _spare_nobody(one: Statement, other: Statement) -> bool:
    """Tell whether two denials, alike but for the values of one key, each deny those whom the other spares."""
    if len(one.conditions) != 1 or len(other.conditions) != 1:
        return False
    [first], [second] = one.conditions, other.conditions
    return (
        first._replace(values=()) == second._replace(values=())
        and one.actions == other.actions
        and one.resources == other.resources
        and one.principals == other.principals
        and not first.if_exists
        and denial_conditions.spare_nothing_together(first, second)
    )


# --- compared with what the document allows ---------------------------------------------------------------------------


def _comparison_faults(denial: Statement, allows: Sequence[Statement], kind: Kind) -> Iterator[Fault]:
    """Yield the faults of a denial that misses what the document allows, or leaves nothing of it."""
    where = denial.where
    if kind is Kind.RESOURCE and _denies_strangers(denial, allows):
        yield Fault(RuleId.INEFFECTIVE_CONDITION, f"{where} denies accounts to which the policy allows nothing.")
    left = _undenied_object_actions(denial, allows) if denial.conditions else []
    if left:
        yield Fault(
            RuleId.RESOURCE_MISMATCH,
            f"{where} names a bucket but not its objects, which leaves {quote(map(spell, left))} allowed on these.",
        )
    if _is_unconditional(denial):
        for allow in allows:
            if covers(denial, allow):
                message = f"{where} denies all that {allow.where} allows."
                yield Fault(
                    RuleId.RESOURCE_MISMATCH, message, parts=parts_at(whole_statement(denial), whole_statement(allow))
                )
    if kind in (Kind.IDENTITY, Kind.BOUNDARY) and not denial.negated_resources:
        yield from _folder_as_object(denial, allows)
        if not denial.negated_actions:
            yield from _misplaced_guard(denial, allows)
            yield from _folders_outside(denial, allows)


def _denies_strangers(denial: Statement, allows: Sequence[Statement]) -> bool:
    """Tell whether a denial names only accounts to which the policy allows nothing."""
    denied = {principals.meaning(principal).account for principal in denial.principals}
    allowed = {
        principals.meaning(principal).account
        for statement in allows
        if not statement.negated_principals
        for principal in statement.principals
    }
    return not denial.negated_principals and bool(allowed) and "" not in denied | allowed and denied.isdisjoint(allowed)


def _undenied_object_actions(denial: Statement, allows: Sequence[Statement]) -> list[str]:
    """Return the allowed actions on objects that a denial names, though its resources are only the buckets."""
    buckets = set(denial.resources)
    if not buckets or any(resources.bucket(one) != one or patterns.wild(one) for one in buckets):
        return []
    left = (
        action
        for statement in allows
        if any("/" in one and resources.bucket(one) in buckets for one in statement.resources)
        for action in statement.actions
        if "object" in action and any(patterns.matches(denied, action) for denied in denial.actions)
    )
    return list(dict.fromkeys(left))


def _is_unconditional(denial: Statement) -> bool:
    """Tell whether a denial holds for every request for what it names."""
    everybody = not denial.principals or principals.include_everybody(denial.principals)
    return everybody and not (denial.conditions or denial.negated_principals)


def _folder_as_object(denial: Statement, allows: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the fault of a denial that seems to mean a folder but names an object: the name has no extension, and
    everything below it is allowed."""
    for resource in denial.resources:
        key = resource.partition("/")[2]
        if not key or "." in key or not resources.bucket(resource) or not is_literal(resource):
            continue
        below = resource.rstrip("/") + "/?*"
        if any(patterns.includes(other, below) for one in allows for other in one.resources):
            yield Fault(
                RuleId.RESOURCE_MISMATCH,
                f"{denial.where} denies the object `{shorten(resource)}` and nothing below it.",
            )


def _misplaced_guard(denial: Statement, allows: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the fault of a guard, a Deny with a condition, that names another resource than the one allowed."""
    if not denial.conditions or not all(map(is_literal, denial.resources)):
        return
    allowed = _allowed_resources(denial, allows)
    kinds = {resource.rpartition(":")[0] for resource in (*allowed, *denial.resources)}
    if allowed and allowed.isdisjoint(denial.resources) and len(kinds) == 1 and all(map(is_literal, allowed)):
        yield Fault(
            RuleId.RESOURCE_MISMATCH,
            f"{denial.where} guards {quote(map(shorten, denial.resources))}, but another resource is allowed.",
        )


def _folders_outside(denial: Statement, allows: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the fault of a Deny that seems to mean folders within what is allowed, but whose paths lack the beginning,
    so that it denies none of them."""
    buckets = set(map(resources.bucket, denial.resources))
    if "" in buckets or not all("/" in resource for resource in denial.resources):
        return
    allowed = _allowed_resources(denial, allows)
    if (
        len(allowed) <= DENIALS  # so that a document with hundreds doesn't take minutes
        and buckets.issubset(map(resources.bucket, allowed))
        and {action for one in allows for action in one.actions}.issuperset(denial.actions)
        and not any(patterns.intersects(one, other) for one in allowed for other in denial.resources)
    ):
        yield Fault(
            RuleId.RESOURCE_MISMATCH,
            f"{denial.where} denies {quote(map(shorten, denial.resources))}, where nothing is allowed.",
        )


def _allowed_resources(denial: Statement, allows: Sequence[Statement]) -> set[str]:
    """Return the resources of the statements that allow, by its name, one of a denial's actions."""
    return {
        resource
        for one in allows
        if not (one.negated_actions or one.negated_resources)
        if not set(one.actions).isdisjoint(denial.actions)
        for resource in one.resources
    }
