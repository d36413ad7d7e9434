"""Faults of resource policies that let in the public, another account, or a service on behalf of another account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.actions import action_faults
from policies.least_privilege.faults.allow_conditions import caller_accounts, source_accounts
from policies.least_privilege.faults.delegation import key_grant_faults
from policies.least_privilege.faults.denial_conditions import keeps_out
from policies.least_privilege.faults.denials import covers
from policies.least_privilege.faults.fault import Applies, Fault, Place, RuleId
from policies.least_privilege.faults.places import add_places, add_principal, parts_at
from policies.least_privilege.faults.wording import quote, shorten, spell
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.binding_keys import CALLER, ORGANIZATION, SOURCE
from policies.least_privilege.language.documents import Principal, Statement
from policies.least_privilege.meaning import principals
from policies.least_privilege.meaning.grants import DENIALS, named_actions


def resource_policy_faults(statements: Sequence[Statement], service: str) -> Iterator[Fault]:
    """Yield the faults of a resource policy's statements; `service` is its resource's service prefix, or empty."""
    own = _own_account(statements)
    if service == "kms" and not any(map(_manages_key, statements)):
        # KMS refuses such a policy (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html).
        yield Fault(
            RuleId.MALFORMED_DOCUMENT, "Nobody could change the key's policy: no statement allows `kms:PutKeyPolicy`."
        )
    yield from _several_resources(statements, service)
    keepers = [statement for statement in statements if _keeps_everybody_out(statement)][:DENIALS]
    for statement in statements:
        if statement.allow:
            yield from add_places(_allow_faults(statement, service, own, keepers), statement)


def _allow_faults(statement: Statement, service: str, own: str, keepers: Sequence[Statement]) -> Iterator[Fault]:
    yield from _statement_faults(statement, service, own)
    if statement.negated_principals:
        yield Fault(RuleId.NOT_PRINCIPAL, f"{statement.where} allows everybody whom `NotPrincipal` doesn't name.")
        return
    kept = any(covers(denial, statement) for denial in keepers)
    for principal in statement.principals:
        yield from add_principal(principal, _principal_faults(statement, principal, own, kept))


def _statement_faults(statement: Statement, service: str, own: str) -> Iterator[Fault]:
    """Yield the faults of a statement's actions and resources."""
    found = [principals.meaning(principal) for principal in statement.principals]
    if not found or not all(one.whole and one.account == own for one in found):
        of_key = all(action.startswith("kms:") for action in statement.actions)
        for fault in action_faults(statement):
            # AWS's default policy of a key gives its administrators the very wildcards that the rule is against.
            if fault.rule is not RuleId.BROAD_ACTION_PATTERN or not of_key:
                yield fault
        yield from key_grant_faults(statement)
    if statement.negated_resources:
        yield Fault(
            RuleId.NOT_RESOURCE, f"{statement.where} allows its actions on everything that `NotResource` doesn't name."
        )
    others = [action for action in statement.actions if action.partition(":")[0] not in (service, "*")]
    if service and others:
        yield Fault(
            RuleId.RESOURCE_MISMATCH,
            f"{statement.where} grants nothing for {quote(map(spell, others))}: the policy belongs to a resource of "
            f"{service}.",
        )


def _manages_key(statement: Statement) -> bool:
    service, mask = knowledge.lookup("kms:putkeypolicy")
    return service is not None and statement.allow and bool(named_actions(statement).get(service, 0) & mask)


_OWN_RESOURCE: Final[Mapping[str, str]] = {"s3": "bucket", "sqs": "queue", "sns": "topic"}
"""Service whose policies name the resource that they're attached to -> what it is."""


def _several_resources(statements: Sequence[Statement], service: str) -> Iterator[Fault]:
    """Yield the fault of a policy that names more than the resource it's attached to. S3 refuses such a policy."""
    if service not in _OWN_RESOURCE:
        return
    found = (
        (arn[5].partition("/")[0], Place(statement, statement.actions, (resource,)))
        for statement in statements
        for resource in statement.resources
        for arn in [resource.split(":", 5)]
        if len(arn) == 6 and arn[2] == service and (service != "s3" or not arn[4])  # not an access point
    )
    named: dict[str, Place] = {}
    for name, place in found:
        if not patterns.wild(name) and "$" not in name:
            named.setdefault(name, place)
    if len(named) > 1:
        yield Fault(
            RuleId.RESOURCE_MISMATCH,
            f"The policy of one {_OWN_RESOURCE[service]} names several: {quote(map(shorten, named))}.",
            parts=parts_at(*named.values()),
        )


def _own_account(statements: Sequence[Statement]) -> str:
    """Return the account that the document itself shows to be the owner's: in its ARNs, or as a key's administrator.

    Empty if it shows none or several.
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
    return own.pop() if len(own) == 1 else ""


def _keeps_everybody_out(statement: Statement) -> bool:
    """Tell whether a statement denies everybody except named callers
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html)."""
    return (
        not (statement.allow or statement.negated_actions or statement.negated_resources)
        and principals.include_everybody(statement.principals)
        and keeps_out(statement.conditions)
    )


# --- who is let in ----------------------------------------------------------------------------------------------------

_LOAD_BALANCING: Final = frozenset(
    """
        127311923021 033677994240 027434742980 797873946194 985666609251 054676820928 156460612806 652711504416
        009996457667 897822967062 635631232127 582318560864 600734575887 383597477331 114774131450 783225319266
        589379963580 718504428378 507241528517 076674570225 098369216593 754344448648
    """.split()
)
"""Accounts from which Elastic Load Balancing writes access logs in the regions opened before August 2022
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html)."""


def _principal_faults(statement: Statement, principal: Principal, own: str, kept: bool) -> Iterator[Fault]:
    """Yield the faults of letting in a principal.

    `own` is the owner's account; `kept` says that a Deny keeps out everybody except named callers.
    """
    where, conditions = statement.where, statement.conditions
    found = principals.meaning(principal)
    if found.is_open:
        limited = principal.kind == "AWS" and conditions.bind(CALLER)
        if not limited and not kept:
            yield Fault(
                RuleId.PUBLIC_RESOURCE_POLICY,
                f"{where} allows `{shorten(principal.name)}`, and no condition says who that is.",
            )
        else:
            yield from _foreign_accounts(where, principal.name, caller_accounts(conditions), own)
            yield from _organization_faults(statement)
    elif principal.kind == "Service":
        yield from _foreign_accounts(where, principal.name, source_accounts(conditions), own)
        if not conditions.bind(SOURCE):
            yield Fault(
                RuleId.CONFUSED_DEPUTY,
                f"{where} allows `{principal.name}` on behalf of any account: no condition limits its source.",
                principal.name,
            )
    elif found.issuer and not found.account and not conditions.ask_for(f"{found.issuer}:aud"):
        yield Fault(
            RuleId.PUBLIC_RESOURCE_POLICY,
            f"{where} allows everybody who signs in with `{found.issuer}`, through any application.",
        )
    elif found.account and not (found.account in _LOAD_BALANCING and statement.actions == ("s3:putobject",)):
        yield from _account_faults(statement, principal, found, own)


def _account_faults(statement: Statement, principal: Principal, found: principals.Meaning, own: str) -> Iterator[Fault]:
    """Yield the fault of letting in an account, or a role or user of it."""
    foreign = found.account != own
    sharing = list(_action_names(statement, sensitive.deciding, _SHARING)) if foreign else []
    if sharing:
        yield Fault(
            RuleId.CROSS_ACCOUNT_ACCESS,
            f"{statement.where} lets `{principal.name}`, of another account, use {quote(sharing)} to decide who "
            "else is let in.",
            found.account,
            Applies.ALWAYS if own else Applies.TO_OTHER_ACCOUNTS,
            mend=f"Leave out {quote(sharing)}, or list the account in `accounts` if it should decide that.",
        )
    elif not statement.conditions.bind(CALLER):
        manages = not found.whole and any(_action_names(statement, sensitive.managing))
        # Even `own` has a fault: the configuration may know another owner than the document shows.
        if foreign and (found.whole or (own and manages)):
            applies = Applies.ALWAYS
        else:
            applies = Applies.TO_OTHER_ACCOUNTS if found.whole or manages else Applies.TO_UNLISTED_PRINCIPALS
        yield Fault(
            RuleId.CROSS_ACCOUNT_ACCESS,
            f"{statement.where} allows `{principal.name}`, {'' if found.whole else 'in '}another account, without a "
            "condition.",
            found.account,
            applies,
        )


def _foreign_accounts(where: str, principal: str, accounts: Iterable[str], own: str) -> Iterator[Fault]:
    """Yield a fault for each account that a condition lets in."""
    for account in accounts:
        yield Fault(
            RuleId.CROSS_ACCOUNT_ACCESS,
            f"{where} allows `{principal}` for the account {account}.",
            account,
            Applies.ALWAYS if own and account != own else Applies.TO_OTHER_ACCOUNTS,
            mend="Name the resource's own account in the condition, or list the other account in `accounts`.",
        )


_ONE_CALLER: Final = ("aws:principalarn", "aws:principaltag/", "aws:principalaccount", "aws:userid")


def _organization_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the fault of letting a whole organization manage the resource."""
    narrow = any(line.key.startswith(_ONE_CALLER) for line in statement.conditions)
    if narrow or not statement.conditions.bind(ORGANIZATION):
        return
    managing = list(_action_names(statement, sensitive.managing))
    if managing:
        yield Fault(
            RuleId.CROSS_ACCOUNT_ACCESS,
            f"{statement.where} lets every account of the organization use {quote(managing)}.",
            mend=f"Leave out {quote(managing)}, or add a condition on `aws:PrincipalArn`.",
        )


_SHARING: Final = ("Policy", "Permission", "PutBucketAcl")
"""How the names of actions that write a policy or an access list end."""


def _action_names(
    statement: Statement, select: Callable[[knowledge.Service], int], endings: tuple[str, ...] = ("",)
) -> Iterator[str]:
    """Yield the selected actions that a statement names, if their names have one of the endings."""
    for service, mask in named_actions(statement).items():
        yield from (name for name in service.listed(mask & select(service)) if name.endswith(endings))
