"""Faults of denials: they hold for nobody, for those who were meant to pass, or for something else than is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from policies.least_privilege.faults.fault import Fault, short, some
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Condition, Kind, Statement
from policies.least_privilege.meaning import conditions, principals, resources
from policies.least_privilege.meaning.grants import DENIALS


def faults(statements: Sequence[Statement], kind: Kind) -> Iterator[Fault]:
    """Yield the faults of the denials among a document's statements."""
    denials = [statement for statement in statements if not statement.allow]
    allows = [statement for statement in statements if statement.allow]
    for denial in denials:
        for problem in _conditions(denial, denials, kind) if denial.conditions else ():
            yield Fault("ineffective-condition", f"{denial.where} {problem}.")
    # Each of these is compared with all other statements.
    for place, denial in enumerate(denials[:DENIALS]):
        yield from _beside_what_is_allowed(denial, allows, kind)
        for other in denials[place + 1 : _GUARDS]:
            if _leave_nobody(denial, other):
                yield Fault(
                    "ineffective-condition",
                    f"{denial.where} and {other.where} deny everybody: who is spared by one isn't by the other.",
                )


_GUARDS: Final = 10
"""So many denials are compared with each other."""


def _beside_what_is_allowed(denial: Statement, allows: Sequence[Statement], kind: Kind) -> Iterator[Fault]:
    """Yield how a denial misses what the document allows, or leaves nothing of it."""
    if kind is Kind.RESOURCE and _is_for_others(denial, allows):
        yield Fault("ineffective-condition", f"{denial.where} denies accounts that nothing is allowed.")
    if denial.conditions and (left := _objects_left(denial, allows)):
        yield Fault(
            "resource-mismatch",
            f"{denial.where} is about a bucket and leaves its objects out, which {left} are allowed on.",
        )
    if _is_plain(denial):
        for allow in allows:
            if covers(denial, allow):
                yield Fault("resource-mismatch", f"{denial.where} denies all that {allow.where} allows.")
    if kind in (Kind.IDENTITY, Kind.BOUNDARY) and not denial.negated_resources:
        yield from _one_object(denial, allows)
        if not denial.negated_actions:
            yield from _beside(denial, allows)
            yield from _outside(denial, allows)


def _conditions(denial: Statement, denials: Sequence[Statement], kind: Kind) -> Iterator[str]:
    """Yield how the conditions of a denial miss what they are there for."""
    given = denial.conditions
    if safe := conditions.denies_the_safe(given, kind is Kind.TRUST):
        yield f"denies what comes {safe}, and nothing else"
    elif key := conditions.excludes_everything(given):
        yield f"denies nothing: every `{short(key)}` is excluded"
    elif key := conditions.misses_those_without(given):
        yield f"doesn't deny requests without `{short(key)}`: `ForAnyValue` holds for none of them"
    elif conditions.denies_services(given):
        yield "denies AWS's own services, and nobody else"
    elif conditions.denies_without_tls(given):
        yield from _some_without_tls(denial, kind)
    elif conditions.misses_access_keys(given) and not _denied_without_mfa(denials):
        yield (
            "doesn't deny requests of access keys, which come without `aws:MultiFactorAuthPresent`: `BoolIfExists` "
            "would"
        )
    # A second line would narrow the denial to something of its own.
    if (
        kind is Kind.RESOURCE
        and len(given) == 1
        and principals.hold_everybody(denial.principals)
        and _denies_the_wanted(given[0])
    ):
        yield f"denies those who have the wanted `{given[0].key}`, and lets in all the others"


_ENCRYPTED: Final = frozenset(("aws:kms", "aws:kms:dsse"))


def _denies_the_wanted(condition: Condition) -> bool:
    encrypted = condition.key == "s3:x-amz-server-side-encryption" and not _ENCRYPTED.isdisjoint(condition.values)
    # To deny a role by its name it would be the principal.
    named = condition.key == "aws:principalarn" and all(map(conditions.literal, condition.values))
    return conditions.demands(condition) and (named or encrypted)


def _objects_left(denial: Statement, allows: Sequence[Statement]) -> str:
    """Return the actions on objects that a denial of buckets alone, with these very actions, doesn't deny."""
    buckets = set(denial.resources)
    if not buckets or any(resources.bucket(one) != one or patterns.wild(one) for one in buckets):
        return ""
    left = [
        action
        for statement in allows
        if any("/" in one and resources.bucket(one) in buckets for one in statement.resources)
        for action in statement.actions
        if "object" in action and any(patterns.matches(denied, action) for denied in denial.actions)
    ]
    return some(list(dict.fromkeys(left))) if left else ""


def _is_plain(denial: Statement) -> bool:
    """Tell whether a denial holds for every request."""
    everybody = not denial.principals or principals.hold_everybody(denial.principals)
    return everybody and not (denial.conditions or denial.negated_principals)


def covers(denial: Statement, allow: Statement) -> bool:
    """Tell whether the actions and resources of a denial hold all those of an Allow."""
    return (
        not (denial.negated_actions or denial.negated_resources or allow.negated_actions or allow.negated_resources)
        and _cover(denial.actions, allow.actions)
        and _cover(denial.resources, allow.resources)
    )


def _cover(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    return all(any(patterns.includes(one, other) for one in wide) for other in narrow)


def _is_for_others(denial: Statement, allows: Sequence[Statement]) -> bool:
    """Tell whether a denial names accounts of which none is let in by the policy."""
    denied = {principals.meaning(principal).account for principal in denial.principals}
    allowed = {
        principals.meaning(principal).account
        for statement in allows
        if not statement.negated_principals
        for principal in statement.principals
    }
    return not denial.negated_principals and bool(allowed) and "" not in denied | allowed and denied.isdisjoint(allowed)


def _leave_nobody(one: Statement, other: Statement) -> bool:
    """Tell whether two denials of the same leave only what the other denies: each all but some values of one key."""
    if len(one.conditions) != 1 or len(other.conditions) != 1:
        return False
    [first], [second] = one.conditions, other.conditions
    return (
        first[:4] == second[:4]
        and one.actions == other.actions
        and one.resources == other.resources
        and one.principals == other.principals
        and not first.if_exists
        and conditions.exclude_each_other(first, second)
    )


def _some_without_tls(denial: Statement, kind: Kind) -> Iterator[str]:
    """What a denial of requests without TLS leaves out: a bucket or its objects, or most callers
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html)."""
    if len(denial.conditions) > 1 and not conditions.spares_services(denial.conditions):
        yield "denies what comes without TLS only where its other conditions hold too"
    if not any(map(_holds_objects, denial.resources)):
        yield "doesn't deny a bucket's objects, only the bucket"
    elif kind is Kind.RESOURCE:
        if denial.principals and not principals.hold_everybody(denial.principals):
            yield "denies requests without TLS to those it names only"
        if "s3:*" in denial.actions and all(
            one.startswith("arn:aws") and one.endswith("/*") for one in denial.resources
        ):
            yield "doesn't deny the bucket, only its objects"


def _holds_objects(resource: str) -> bool:
    """Tell whether a resource isn't a bucket alone, by its ARN."""
    return resources.bucket(resource) != resource or "*" in resource


def _denied_without_mfa(denials: Sequence[Statement]) -> bool:
    """Tell whether some denial is for requests without the key."""
    return any(
        condition.operator == "null" and condition.key.startswith("aws:multifactorauth")
        for denial in denials
        for condition in denial.conditions
    )


def _one_object(denial: Statement, allows: Sequence[Statement]) -> Iterator[Fault]:
    """What a Deny means to be a folder is one object: its name has no extension, and an Allow reaches below it."""
    for resource in denial.resources:
        key = resource.partition("/")[2]
        if not key or "." in key or not resources.bucket(resource) or not conditions.literal(resource):
            continue
        below = resource.rstrip("/") + "/?*"
        if any(patterns.includes(other, below) for one in allows for other in one.resources):
            yield Fault(
                "resource-mismatch", f"{denial.where} denies the object `{short(resource)}` and nothing below it."
            )


def _allowed(denial: Statement, allows: Sequence[Statement]) -> set[str]:
    """Return the resources on which some action of a denial is allowed by its name."""
    return {
        resource
        for one in allows
        if not (one.negated_actions or one.negated_resources)
        if not set(one.actions).isdisjoint(denial.actions)
        for resource in one.resources
    }


def _beside(denial: Statement, allows: Sequence[Statement]) -> Iterator[Fault]:
    """A guard, a Deny with a condition, is on one resource, and the same action is allowed on another of its kind."""
    if not denial.conditions or not all(map(conditions.literal, denial.resources)):
        return
    allowed = _allowed(denial, allows)
    kinds = {resource.rpartition(":")[0] for resource in (*allowed, *denial.resources)}
    if allowed and allowed.isdisjoint(denial.resources) and len(kinds) == 1 and all(map(conditions.literal, allowed)):
        yield Fault(
            "resource-mismatch",
            f"{denial.where} guards {some([short(one) for one in denial.resources])}, and what is allowed is another.",
        )


def _outside(denial: Statement, allows: Sequence[Statement]) -> Iterator[Fault]:
    """A Deny takes folders of a bucket out of what is allowed there, and none of them is in it: a path lacks its
    beginning."""
    buckets = set(map(resources.bucket, denial.resources))
    if "" in buckets or not all("/" in resource for resource in denial.resources):
        return
    allowed = _allowed(denial, allows)
    if (
        len(allowed) <= DENIALS  # a document of hundreds takes no minutes
        and buckets.issubset(map(resources.bucket, allowed))
        and {action for one in allows for action in one.actions}.issuperset(denial.actions)
        and not any(patterns.intersects(one, other) for one in allowed for other in denial.resources)
    ):
        yield Fault(
            "resource-mismatch",
            f"{denial.where} denies {some([short(one) for one in denial.resources])}, of which nothing is allowed.",
        )
