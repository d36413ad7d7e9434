"""Faults of resource policies: the public, another account or a service on its behalf may use the resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.denials import covers
from policies.least_privilege.faults.fault import Fault, short, some
from policies.least_privilege.faults.identity import element_faults, key_grants
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Statement
from policies.least_privilege.meaning import conditions, principals
from policies.least_privilege.meaning.grants import DENIALS, actions_of


def faults(statements: Sequence[Statement], service: str) -> Iterator[Fault]:
    """Yield the faults of a resource policy's statements; `service` is the prefix of its resource's, or empty."""
    own = _own_accounts(statements)
    if service == "kms":
        yield from _unmanaged(statements)
    if service in _OF_ONE:
        yield from _of_one(statements, service)
    keepers = [statement for statement in statements if _keeps_out(statement)][:DENIALS]
    for statement in statements:
        if not statement.allow:
            continue
        found = [principals.meaning(principal) for principal in statement.principals]
        by_owner = bool(found) and all(one.whole and one.account in own for one in found)
        if not by_owner:
            for fault in element_faults(statement):
                # A key's administrators are named in its policy with the very wildcards of AWS's default one.
                if fault.rule != "broad-action-pattern" or not _of_a_key(statement):
                    yield fault
            yield from key_grants(statement)
        if statement.negated_principals:
            yield Fault("not-principal", f"{statement.where} allows everybody but those in `NotPrincipal`.")
        else:
            yield from _principals(statement, own, keepers)
        if statement.negated_resources:
            yield Fault("not-resource", f"{statement.where} allows its actions on all but what `NotResource` names.")
        other = [action for action in statement.actions if service and not _of(action, service)]
        if other:
            yield Fault(
                "resource-mismatch",
                f"{statement.where} grants nothing for {some([short(one) for one in other])}: "
                f"the policy belongs to {service}.",
            )


def _unmanaged(statements: Sequence[Statement]) -> Iterator[Fault]:
    """Nobody may change the policy of a key; KMS refuses one
    (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html)."""
    service, mask = knowledge.named("kms:putkeypolicy")
    managing = (
        statement.allow and actions_of(statement.actions, statement.negated_actions).get(service, 0) & mask
        for statement in statements
        if service
    )
    if not any(managing):
        yield Fault("malformed-document", "The policy of the key lets nobody change it by `kms:PutKeyPolicy`.")


_OF_ONE: Final[Mapping[str, str]] = {"s3": "bucket", "sqs": "queue", "sns": "topic"}
"""Services whose policies name their own resource -> what it is."""


def _of_one(statements: Sequence[Statement], service: str) -> Iterator[Fault]:
    """A bucket's policy is about that bucket alone (S3 refuses one that names another), and so is a queue's."""
    arns = (resource.split(":", 5) for statement in statements for resource in statement.resources)
    names = (
        arn[5].partition("/")[0]
        for arn in arns
        if len(arn) == 6 and arn[2] == service and (service != "s3" or not arn[4])  # not an access point
    )
    named = dict.fromkeys(name for name in names if not patterns.wild(name) and "$" not in name)
    if len(named) > 1:
        yield Fault(
            "resource-mismatch",
            f"The policy of one {_OF_ONE[service]} names several: {some([short(one) for one in named])}.",
        )


def _of(action: str, service: str) -> bool:
    return action.partition(":")[0] in (service, "*") or action == "*"


def _of_a_key(statement: Statement) -> bool:
    return all(action.startswith("kms:") for action in statement.actions)


_LOAD_BALANCING: Final = frozenset(
    (
        *("127311923021", "033677994240", "027434742980", "797873946194", "985666609251", "054676820928"),
        *("156460612806", "652711504416", "009996457667", "897822967062", "635631232127", "582318560864"),
        *("600734575887", "383597477331", "114774131450", "783225319266", "589379963580", "718504428378"),
        *("507241528517", "076674570225", "098369216593", "754344448648"),
    )
)
"""Accounts from which Elastic Load Balancing writes access logs in the regions opened before August 2022
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html)."""


def _delivers_logs(account: str, statement: Statement) -> bool:
    return account in _LOAD_BALANCING and statement.actions == ("s3:putobject",)


def _own_accounts(statements: Sequence[Statement]) -> frozenset[str]:
    """Return the account that the document itself shows to be the owner's: in its ARNs, as a key's administrator.

    Where it shows several, none is certain.
    """
    own = set()
    for statement in statements:
        for resource in statement.resources:
            parts = resource.split(":", 5)
            if len(parts) == 6 and parts[4].isdecimal():
                own.add(parts[4])
        if statement.allow and "kms:*" in statement.actions and len(statement.principals) == 1:
            found = principals.meaning(statement.principals[0])
            if found.whole:
                own.add(found.account)
    return frozenset(own if len(own) == 1 else ())


def _keeps_out(statement: Statement) -> bool:
    """Tell whether a statement denies everybody but named callers
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html)."""
    return (
        not (statement.allow or statement.negated_actions or statement.negated_resources)
        and principals.hold_everybody(statement.principals)
        and conditions.keeps_out(statement.conditions)
    )


def _principals(statement: Statement, own: frozenset[str], keepers: Sequence[Statement]) -> Iterator[Fault]:
    """`keepers` are the denials that keep out all but named callers."""
    where, given = statement.where, statement.conditions
    for principal in statement.principals:
        found = principals.meaning(principal)
        if found.is_open:
            named = principal.kind == "AWS" and conditions.bound_by(given, "caller")
            if not named and not any(covers(denial, statement) for denial in keepers):
                yield Fault(
                    "public-resource-policy",
                    f"{where} allows `{short(principal.name)}`, and no condition says who that is.",
                )
            else:
                yield from _of_others(where, principal.name, conditions.caller_accounts(given), own)
                yield from _managed_by_organization(statement)
        elif principal.kind == "Service":
            yield from _of_others(where, principal.name, conditions.source_accounts(given), own)
            if not conditions.bound_by(given, "source"):
                yield Fault(
                    "confused-deputy",
                    f"{where} allows `{principal.name}` for whichever account it acts: nothing binds its source.",
                    principal.name,
                )
        elif found.issuer and not found.account and not conditions.asks_for(given, f"{found.issuer}:aud"):
            yield Fault(
                "public-resource-policy",
                f"{where} allows whoever signs in with `{found.issuer}`, for whichever application.",
            )
        elif _delivers_logs(found.account, statement):
            continue
        elif found.account and found.account not in own and (sharing := _sharing(statement)):
            yield Fault(
                "cross-account-access",
                f"{where} lets `{principal.name}`, of another account, decide by {some(sharing)} who else is let in.",
                found.account,
                bool(own),
            )
        elif found.account and not conditions.bound_by(given, "caller"):
            manages = not found.whole and _manages(statement)
            # What the document shows to be the owner may be known not to be.
            yield Fault(
                "cross-account-access",
                f"{where} allows `{principal.name}`, another account, without a condition.",
                found.account,
                found.account not in own and (found.whole or (bool(own) and manages)),
                not found.whole and not manages,
            )


def _of_others(where: str, principal: str, accounts: Sequence[str], own: frozenset[str]) -> Iterator[Fault]:
    for account in accounts:
        yield Fault(
            "cross-account-access",
            f"{where} allows `{principal}` for the account {account}.",
            account,
            bool(own) and account not in own,
        )


def _managed_by_organization(statement: Statement) -> Iterator[Fault]:
    managing = _managing(statement)
    narrow = any(condition.key.startswith(_OF_ONE_CALLER) for condition in statement.conditions)
    if managing and not narrow and conditions.bound_by(statement.conditions, "organization"):
        yield Fault(
            "cross-account-access",
            f"{statement.where} lets every account of the organization use {some(managing)}.",
        )


_OF_ONE_CALLER: Final = ("aws:principalarn", "aws:principaltag/", "aws:principalaccount", "aws:userid")


def _sharing(statement: Statement) -> list[str]:
    """Return the actions that write the policy or the list of those who are let in."""
    return [
        name
        for service, mask in actions_of(statement.actions, statement.negated_actions).items()
        for name in service.listed(mask & sensitive.deciding(service))
        if name.endswith(_SHARING)
    ]


_SHARING: Final = ("Policy", "Permission", "PutBucketAcl")


def _manages(statement: Statement) -> bool:
    named = actions_of(statement.actions, statement.negated_actions)
    return any(mask & sensitive.managing(service) for service, mask in named.items())


def _managing(statement: Statement) -> list[str]:
    """Return the actions that remove what is there, change its code, or decide who else may use it."""
    return [
        name
        for service, mask in actions_of(statement.actions, statement.negated_actions).items()
        for name in service.listed(mask & sensitive.managing(service))
    ]
