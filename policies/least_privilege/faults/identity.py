"""Faults of identity policies: more actions, or actions on more resources, than their purpose needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults import escalation
from policies.least_privilege.faults.fault import Fault, actions, short, some
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Kind, Statement, parse
from policies.least_privilege.meaning import conditions
from policies.least_privilege.meaning.grants import Granted, actions_of, granted, reach

_FEW: Final = 3
"""So many actions may a writing wildcard of one verb give on a named resource (`sqs:Send*`)."""

_VALUES: Final = "secretsmanager"
_EXACT: Final = "-??????"


def faults(statements: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the faults of the statements of one identity policy."""
    judged = []
    for statement in statements:
        if statement.allow:
            everything = False
            for fault in element_faults(statement):
                everything = everything or fault.rule in ("wildcard-action", "not-action")
                yield fault
            if statement.negated_resources:
                yield Fault(
                    "not-resource",
                    f"{statement.where} allows its actions on everything but what `NotResource` names.",
                )
            if everything:
                # It grants all there is to grant; naming each action would say less.
                continue
            yield from _secrets(statement)
            yield from _any_database_user(statement)
            if "NONE" in conditions.named(statement.conditions, "lambda:functionurlauthtype"):
                yield Fault("permissions-management", f"{statement.where} lets functions be opened to everybody.")
            yield from key_grants(statement)
            if not statement.negated_resources and not conditions.narrows_resources(statement.conditions):
                yield from _no_bucket(statement)
            yield from _grants_without_bound(statement)
        judged.append(statement)
    yield from _folders_of_others(judged)
    grants = granted(judged)
    for service in grants.values():
        yield from _resource_faults(service)
    yield from escalation.faults(judged, grants)


# --- actions -----------------------------------------------------------------------------------------------------


def element_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the faults of the `Action` element of an Allow."""
    where = statement.where
    if statement.negated_actions:
        yield Fault("not-action", f"{where} allows every action but those that `NotAction` names.")
        return
    for action in statement.actions:
        if patterns.wild(action):
            rule, what = _wildcard(action)
            if rule:
                yield Fault(rule, f"{where} allows `{short(action)}`: {what}.")


@lru_cache(16384)
def _wildcard(action: str) -> tuple[str, str]:
    """Return the rule that a wildcard action breaks, empty if none, and what the wildcard takes in."""
    prefix, separator, name = action.partition(":")
    if patterns.wild(prefix):
        if patterns.includes(action, "?*:?*"):
            return "wildcard-action", "every action of every service"
        return "wildcard-action", "actions of several services"
    service, mask = knowledge.named(action)
    if not separator or service is None:
        return "", ""
    if patterns.includes(name, "?*") or (mask == service.everything and mask.bit_count() > 1):
        if not mask & ~sensitive.surveys(service):
            # A service that can only be asked, and answers about no resource (prices).
            return "", ""
        return "service-wildcard", f"every action of {service.prefix}"
    delicate = mask & (
        sensitive.deciding(service) | sensitive.mask(service, "grants") | sensitive.mask(service, "credentials")
    )
    if delicate:
        return "broad-action-pattern", f"it takes in {actions(service, delicate)}"
    writes = mask & (service.levels["Write"] | service.levels["Tagging"])
    if writes and mask.bit_count() > _FEW and not _names_an_object(name):
        return "broad-action-pattern", f"it takes in {actions(service, writes)}"
    return "", ""


def _names_an_object(name: str) -> bool:
    """Tell whether a pattern says more than a verb before its first wildcard: `putitem*` and `eshttp*`, not `put*`."""
    return not any(verb.startswith(patterns.head(name)) for verb in _VERBS)


_VERBS: Final = (
    *("abort", "accept", "add", "associate", "attach", "authorize", "batch", "cancel", "change", "complete", "copy"),
    *("create", "decrypt", "delete", "deregister", "describe", "detach", "disable", "disassociate", "enable"),
    *("encrypt", "execute", "generate", "get", "import", "initiate", "invoke", "list", "modify", "publish", "put"),
    *("reencrypt", "register", "reject", "release", "remove", "replace", "reset", "restore", "resume", "revoke", "run"),
    *("send", "set", "start", "stop", "submit", "tag", "terminate", "untag", "update", "upload"),
)


# --- resources ---------------------------------------------------------------------------------------------------


_NAMED_BY_AWS: Final = frozenset(
    (
        *(("cloudfront", kind) for kind in ("response-headers-policy", "cache-policy", "origin-request-policy")),
        *(("logs", "delivery"), ("route53", "change"), ("ec2", "vpc-flow-log")),
    )
)
"""Resources whose id AWS chooses when they are made and that can't be selected by tag: in one account, a pattern over
all of them is as narrow as it gets."""


def _resource_faults(grant: Granted) -> Iterator[Fault]:
    service = grant.service
    starred = grant.starred()
    if not starred and not grant.unlimited:
        return
    if starred:
        starred &= ~sensitive.surveys(service)
    literal = starred & grant.star
    if literal:
        yield Fault(
            "wildcard-resource",
            f"{actions(service, literal)} can be narrowed to resources, and {_is(literal)} allowed on `*`.",
        )
    effective = _effective(grant, starred & ~grant.star)
    if effective:
        yield Fault(
            "unbounded-resource",
            f"{actions(service, effective)} {_is(effective)} allowed on a pattern that every resource matches.",
        )
    open_ = (literal | effective) | grant.unlimited
    for rule, category, what in (
        ("credential-exposure", "credentials", "gives credentials of others"),
        ("data-exfiltration", "exfiltration", "reads what every resource holds"),
    ):
        exposed = open_ & sensitive.mask(service, category)
        if exposed:
            yield Fault(rule, f"Without a bound on the resource, {actions(service, exposed)} {what}.")
    deciding = open_ & sensitive.deciding(service)
    if deciding:
        yield Fault(
            "permissions-management",
            f"Without a bound on the resource, {actions(service, deciding)} changes who may do what.",
        )
    passing = open_ & service.mask("passrole") if service.prefix == "iam" else 0
    if passing:
        yield Fault("unscoped-pass-role", "`iam:PassRole` is allowed for every role of an account.")


def _is(mask: int) -> str:
    return "is" if mask.bit_count() == 1 else "are"


def _effective(grant: Granted, starred: int) -> int:
    """Return the actions, reached by a pattern short of `*`, for which a narrower pattern can be asked."""
    if not starred:
        return 0
    service = grant.service
    # In one account, descriptions may be read of all resources of a kind.
    reading = (service.levels["List"] | service.levels["Read"]) & ~(
        sensitive.mask(service, "data") | sensitive.mask(service, "credentials")
    )
    unnamed = avoidable = 0
    for bit, reached in grant.whole.items():
        kind = service.types[bit]
        unnamed |= grant.unnamed.get(bit, 0) & kind.actions & (~reading if kind.name == "bucket" else -1)
        if (service.prefix, kind.name) not in _NAMED_BY_AWS:
            avoidable |= reached & kind.actions
    return starred & (unnamed | (avoidable & ~reading)) & ~sensitive.mask(service, "harmless")


def _secrets(statement: Statement) -> Iterator[Fault]:
    """A secret's ARN ends in six random characters; `-*` and prefixes take in other secrets."""
    if statement.negated_resources:
        return
    wide = [resource for resource in statement.resources if _is_wide_secret(resource)]
    if wide and any(map(_reads_secrets, statement.actions)) and not conditions.narrows_resources(statement.conditions):
        yield Fault(
            "secret-wildcard",
            f"{statement.where} allows secrets by {some([short(one) for one in wide])}, which other secrets match too.",
        )


def _reads_secrets(action: str) -> bool:
    service, mask = knowledge.named(action)
    if service is None or service.prefix != _VALUES:
        return False
    described = service.levels["List"] & ~sensitive.mask(service, "data") | service.mask("describesecret")
    return bool(mask & ~(described | service.mask("getresourcepolicy")))


@lru_cache(16384)
def _is_wide_secret(resource: str) -> bool:
    parts = resource.split(":", 6)
    if len(parts) < 7 or parts[2] != _VALUES:
        return False
    name = parts[6].removesuffix(_EXACT)
    return patterns.wild(name) or patterns.wild("".join(parts[1:5]))


def _any_database_user(statement: Statement) -> Iterator[Fault]:
    """Sign-in to a database as whichever of its users, an administrator first."""
    if not _DATABASE_SIGN_IN.isdisjoint(statement.actions) and not conditions.asks_for(
        statement.conditions, "redshift:dbuser"
    ):
        every = [one for one in statement.resources if _EVERY_DATABASE_USER.fullmatch(one.split(":", 5)[-1])]
        if every:
            yield Fault(
                "credential-exposure",
                f"{statement.where} lets every user of a database sign in, by {some([short(one) for one in every])}.",
            )


_DATABASE_SIGN_IN: Final = frozenset(("rds-db:connect", "redshift:getclustercredentials"))
_EVERY_DATABASE_USER: Final = re.compile(r"dbuser:.*/\*")


def _no_bucket(statement: Statement) -> Iterator[Fault]:
    """Keys of every bucket, of whoever owns it."""
    wide = [
        resource
        for resource in statement.resources
        if (name := resource.partition(":::")[2]) and "/" in name and name.startswith(("*", "?"))
    ]
    if wide and any(action.startswith("s3:") for action in statement.actions):
        yield Fault("unbounded-resource", f"{statement.where} names no bucket: {some([short(one) for one in wide])}.")


# --- folders of the caller ---------------------------------------------------------------------------------------

_CALLERS: Final = re.compile(r"\$\{(?:aws:(?:username|userid|principaltag/[^}]+)|[^}]+:sub)\}", re.IGNORECASE)
_BEGINS_SO: Final = re.compile(_CALLERS.pattern + r"[*?]", re.IGNORECASE)
_FOLDERS: Final = 50
"""So many folders are compared with what is allowed."""


def _folders_of_others(statements: Sequence[Statement]) -> Iterator[Fault]:
    """The caller's own folder is meant, and the folders of others are matched too
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_s3_home-directory-man.html)."""
    own = [folder for statement in statements if statement.allow for folder in _own_folders(statement)][:_FOLDERS]
    for statement in statements:
        if not statement.allow or statement.negated_resources:
            continue
        for resource in statement.resources:
            if _BEGINS_SO.search(resource):
                yield Fault(
                    "unbounded-resource",
                    f"{statement.where} allows `{short(resource)}`: names that begin with the caller's match it too.",
                )
            elif own and "${" not in resource and any(patterns.includes(resource, folder) for folder in own):
                yield Fault(
                    "unbounded-resource",
                    f"{statement.where} allows `{short(resource)}`, and only the caller's own folder may be listed.",
                )


def _own_folders(statement: Statement) -> Iterator[str]:
    """Yield the folders, as object ARNs of any caller, to which a statement narrows the listing of a bucket."""
    for values in conditions.values_of(statement.conditions, "s3:prefix"):
        own = [value for value in values if _CALLERS.search(value)]
        for bucket in statement.resources if own else ():
            for value in own:
                yield f"{bucket}/{_CALLERS.sub('?*', value).rstrip('*')}?*"


# --- grants of permissions ---------------------------------------------------------------------------------------

_BOUNDS: Final[Mapping[str, tuple[str, ...]]] = {
    "putrolepolicy": ("iam:permissionsboundary",),
    "attachrolepolicy": ("iam:permissionsboundary", "iam:policyarn"),
    "putuserpolicy": ("iam:permissionsboundary",),
    "attachuserpolicy": ("iam:permissionsboundary", "iam:policyarn"),
    "attachgrouppolicy": ("iam:policyarn",),
    "putrolepermissionsboundary": ("iam:permissionsboundary",),
    "putuserpermissionsboundary": ("iam:permissionsboundary",),
}
"""What makes it safe to let a principal write permissions
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""


@cache
def _limits(arn: str) -> bool:
    """Tell whether a policy, as a boundary or as the one that may be attached, leaves something out."""
    if patterns.wild(arn):
        return not patterns.includes(arn, "arn:aws:iam::aws:policy/AdministratorAccess")
    text = knowledge.managed_policy(arn)
    if text is None:
        return True
    return not any(
        fault.rule in ("wildcard-action", "not-action", "privilege-escalation")
        for fault in faults(parse(text, Kind.IDENTITY).statements)
    )


def _grants_without_bound(statement: Statement) -> Iterator[Fault]:
    for service, granted_ in actions_of(statement.actions, statement.negated_actions).items():
        shared = granted_ & sensitive.mask(service, "sharing")
        if shared and not conditions.asks_for(statement.conditions, "ec2:add/userid"):
            yield Fault(
                "data-exfiltration",
                f"{statement.where} lets {actions(service, shared)} share data with any account, or with everybody.",
            )
        blinding = granted_ & sensitive.mask(service, "audit")
        if blinding:
            yield Fault("audit-tampering", f"{statement.where} lets {actions(service, blinding)} blind the audit.")
        if service.prefix == "sts" and granted_ & service.mask("assumerole"):
            yield from _assumed_anywhere(statement)
        logins = granted_ & sensitive.mask(service, "logins")
        if logins and not all("${aws:username}" in resource.lower() for resource in statement.resources):
            yield Fault(
                "credential-exposure",
                f"{statement.where} lets {actions(service, logins)} make credentials of other users.",
            )
        if service.prefix not in ("iam", "sso"):
            continue
        if granted_ & service.mask("passrole"):
            yield from _administrators_passed(statement)
        unbound = granted_ & sensitive.mask(service, "grants")
        if all(conditions.literal(resource) and not _is_administrators(resource) for resource in statement.resources):
            unbound &= ~service.mask("addusertogroup")
        if unbound and statement.conditions:
            for action, keys in _BOUNDS.items():
                if any(conditions.asks_for(statement.conditions, key, _limits) for key in keys):
                    unbound &= ~service.mask(action)
        if unbound:
            yield Fault(
                "privilege-escalation",
                f"{statement.where} lets {actions(service, unbound)} write any permission: no condition on "
                "`iam:PermissionsBoundary` or `iam:PolicyARN` limits it.",
            )


def key_grants(statement: Statement) -> Iterator[Fault]:
    """Yield the fault of `kms:CreateGrant` by name, where no condition says which grants
    (https://docs.aws.amazon.com/kms/latest/developerguide/grant-authorization.html)."""
    if "kms:creategrant" not in statement.actions or "kms:putkeypolicy" in statement.actions:
        return  # who writes the key's policy decides about it anyway
    if not any(
        condition.key.startswith(_OF_GRANTS) and conditions.demands(condition) for condition in statement.conditions
    ):
        yield Fault(
            "permissions-management",
            f"{statement.where} lets `kms:CreateGrant` give the use of the key to anybody: no condition such as "
            "`kms:GrantIsForAWSResource` says to whom.",
        )


_OF_GRANTS: Final = ("kms:grant", "kms:viaservice", "kms:encryptioncontext")


def _administrators_passed(statement: Statement) -> Iterator[Fault]:
    passed = [resource for resource in statement.resources if _is_administrators(resource)]
    if passed:
        yield Fault(
            "privilege-escalation",
            f"{statement.where} lets {some([short(one) for one in passed])} be passed, an administrator's role by its "
            "name: whoever runs something with it is one.",
        )


@lru_cache(4096)
def _is_administrators(resource: str) -> bool:
    return bool(_ADMINISTRATORS.search(resource))


_ADMINISTRATORS: Final = re.compile(r"admin(?:istrator)?s?(?:-?(?:access|role))?$", re.IGNORECASE)
"""The end of a role's or a group's name that says whose it is."""


def _assumed_anywhere(statement: Statement) -> Iterator[Fault]:
    """A role of whatever account: whoever owns one decides what the holder then does, and gets what it sends.

    A tag or a name that the caller chooses for the session says nothing about the role either.
    """
    if any(conditions.asks_for(statement.conditions, key) for key in _WHOSE):
        return
    if statement.conditions and not any(":resourcetag/" in condition.key for condition in statement.conditions):
        iam = knowledge.service("iam")
        every = [
            one
            for one in statement.resources
            if patterns.includes(one.split(":", 5)[-1], "role/?*") and iam and reach(iam, (one,)).whole
        ]
        if every:
            yield Fault("unbounded-resource", f"{statement.where} lets every role be assumed: no condition names one.")
    wide = [
        resource
        for resource in statement.resources
        if (parts := resource.split(":", 5)) and len(parts) == 6 and patterns.wild(parts[4]) and "${" not in parts[4]
    ]
    if wide:
        yield Fault(
            "unbounded-resource",
            f"{statement.where} lets a role of any account be assumed, by {some([short(one) for one in wide])}.",
        )


_WHOSE: Final = ("aws:resourceorgid", "aws:resourceorgpaths", "aws:resourceaccount")
