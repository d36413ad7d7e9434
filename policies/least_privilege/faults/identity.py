"""Faults of identity policies: more actions, or actions on more resources, than their purpose needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults import remedies
from policies.least_privilege.faults.actions import action_faults
from policies.least_privilege.faults.delegation import delegation_faults
from policies.least_privilege.faults.escalation import escalation_faults
from policies.least_privilege.faults.fault import Fault, Place, RuleId
from policies.least_privilege.faults.places import add_places, parts_at, statements_widely_granting_any, whole_statement
from policies.least_privilege.faults.tags import tag_faults
from policies.least_privilege.faults.wording import quote, quote_actions, shorten
from policies.least_privilege.knowledge import sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Kind, Statement, parse
from policies.least_privilege.meaning.grants import ServiceGrant, joint_grants


def identity_faults(statements: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the faults of one identity policy's statements; each comes after those that it may follow from."""
    judged = []
    for statement in statements:
        found = list(add_places(action_faults(statement), statement)) if statement.allow else []
        yield from found
        if statement.allow and statement.negated_resources:
            yield Fault(
                RuleId.NOT_RESOURCE,
                f"{statement.where} allows its actions on everything that `NotResource` doesn't name.",
                parts=parts_at(whole_statement(statement)),
            )
        if found and any(fault.rule in _ALL_ACTIONS for fault in found):
            # The statement grants everything, so that naming single actions would add nothing.
            continue
        if statement.allow:
            yield from add_places(_resource_pattern_faults(statement), statement)
            yield from add_places(delegation_faults(statement, statements, _is_limiting), statement)
        judged.append(statement)
    yield from _folder_faults(judged)
    grants = joint_grants(judged)
    yield from tag_faults(judged, grants)
    for grant in grants.values():
        yield from _grant_faults(grant, judged)
    yield from escalation_faults(judged, grants)


_ALL_ACTIONS: Final = frozenset((RuleId.WILDCARD_ACTION, RuleId.NOT_ACTION))


@cache
def _is_limiting(arn: str) -> bool:
    """Tell whether a managed policy, given by its ARN or a pattern, leaves some permissions out."""
    if patterns.wild(arn):
        return not patterns.includes(arn, "arn:aws:iam::aws:policy/AdministratorAccess")
    text = knowledge.managed_policy(arn)
    if text is None:
        return True
    found = identity_faults(parse(text, Kind.IDENTITY).statements)
    return not any(fault.rule in _ALL_ACTIONS | {RuleId.PRIVILEGE_ESCALATION} for fault in found)


# --- what all statements grant together -------------------------------------------------------------------------------

_NAMED_BY_AWS: Final = frozenset(
    tuple(kind.split("/"))
    for kind in """
        cloudfront/response-headers-policy cloudfront/cache-policy cloudfront/origin-request-policy logs/delivery
        route53/change ec2/vpc-flow-log
    """.split()
)
"""Types (service, name) whose ids AWS chooses and that can't be selected by tag: within one account, a pattern over all
of them is as narrow as possible."""


def _grant_faults(grant: ServiceGrant, statements: Sequence[Statement]) -> Iterator[Fault]:
    service = grant.service
    unbounded = grant.unbounded()
    if not unbounded and not grant.without_resource:
        return
    if unbounded:
        unbounded &= ~sensitive.surveys(service)
    on_star = unbounded & grant.on_star
    if on_star:
        yield Fault(
            RuleId.WILDCARD_RESOURCE,
            lambda: (
                f"{quote_actions(service, on_star)} can be narrowed to resources, but {_is_or_are(on_star)} allowed "
                "on `*`."
            ),
            parts=(statements_widely_granting_any(statements, service, on_star, on_star=True),),
            mend=partial(remedies.narrow, service, on_star),
        )
    on_patterns = _narrowable(grant, unbounded & ~grant.on_star)
    if on_patterns:
        yield Fault(
            RuleId.UNBOUNDED_RESOURCE,
            lambda: (
                f"{quote_actions(service, on_patterns)} {_is_or_are(on_patterns)} allowed on a pattern that every "
                "resource matches."
            ),
            parts=(statements_widely_granting_any(statements, service, on_patterns),),
            mend=partial(remedies.narrow, service, on_patterns),
        )
    exposed = on_star | on_patterns | grant.without_resource
    if not exposed:
        return
    for rule, mask, verb, effect in (
        (RuleId.CREDENTIAL_EXPOSURE, sensitive.mask(service, "credentials"), "give", "access to credentials of others"),
        (RuleId.DATA_EXFILTRATION, sensitive.mask(service, "exfiltration"), "read", "the contents of every resource"),
        (RuleId.PERMISSIONS_MANAGEMENT, sensitive.deciding(service), "change", "who is allowed to do what"),
    ):
        found = exposed & mask
        if found:
            yield Fault(
                rule,
                partial(_unbounded_effect, service, found, verb, effect),
                parts=(statements_widely_granting_any(statements, service, found),),
                mend=partial(remedies.narrow, service, found),
            )
    if service.prefix == "iam" and exposed & service.mask("passrole"):
        yield Fault(
            RuleId.UNSCOPED_PASS_ROLE,
            "`iam:PassRole` is allowed for every role of an account.",
            parts=(statements_widely_granting_any(statements, service, service.mask("passrole")),),
            mend=partial(remedies.narrow, service, service.mask("passrole")),
        )


def _unbounded_effect(service: knowledge.Service, actions: int, verb: str, effect: str) -> str:
    named = quote_actions(service, actions)
    return f"Without a bound on the resource, {named} {verb}{_verb_ending(actions)} {effect}."


def _is_or_are(mask: int) -> str:
    return "is" if mask.bit_count() == 1 else "are"


def _verb_ending(mask: int) -> str:
    """Return the ending of the verb whose subject is the actions of a mask."""
    return "s" if mask.bit_count() == 1 else ""


def _narrowable(grant: ServiceGrant, actions: int) -> int:
    """Return which actions, granted on a pattern other than `*`, could have a narrower pattern."""
    if not actions:
        return 0
    service = grant.service
    # Within one account, the descriptions of all resources of a type may be read.
    reading = (service.levels["List"] | service.levels["Read"]) & ~(
        sensitive.mask(service, "data") | sensitive.mask(service, "credentials")
    )
    foreign = avoidable = 0
    for bit, granted in grant.on_all.items():
        kind = service.types[bit]
        foreign |= grant.in_any_account.get(bit, 0) & kind.actions & (~reading if kind.name == "bucket" else -1)
        if (service.prefix, kind.name) not in _NAMED_BY_AWS:
            avoidable |= granted & kind.actions
    return actions & (foreign | (avoidable & ~reading)) & ~sensitive.mask(service, "harmless")


# --- resource patterns of one statement -------------------------------------------------------------------------------


def _resource_pattern_faults(statement: Statement) -> Iterator[Fault]:
    if not statement.negated_resources and not statement.conditions.narrow_resources:
        yield from _secret_faults(statement)
        yield from _bucket_faults(statement)
    if not _DATABASE_SIGN_IN.isdisjoint(statement.actions):
        yield from _database_user_faults(statement)


_SECRETS: Final = "secretsmanager"
_ANY_SUFFIX: Final = "-??????"


def _secret_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the fault of a pattern that matches more than one secret.

    A secret's ARN ends in six random characters: `-*` and prefixes match other secrets too.
    """
    wide = list(filter(_matches_secrets, statement.resources))
    reading = tuple(filter(_reads_secrets, statement.actions)) if wide else ()
    if reading:
        yield Fault(
            RuleId.SECRET_WILDCARD,
            f"{statement.where} names secrets by {quote(map(shorten, wide))}, which other secrets match too.",
            parts=parts_at(Place(statement, reading, tuple(wide))),
        )


def _reads_secrets(action: str) -> bool:
    service, mask = knowledge.lookup(action)
    if service is None or service.prefix != _SECRETS:
        return False
    described = service.levels["List"] & ~sensitive.mask(service, "data") | service.mask("describesecret")
    return bool(mask & ~(described | service.mask("getresourcepolicy")))


def _matches_secrets(resource: str) -> bool:
    parts = resource.split(":", 6)
    if len(parts) < 7 or parts[2] != _SECRETS:
        return False
    return patterns.wild(parts[6].removesuffix(_ANY_SUFFIX)) or any(map(patterns.wild, parts[1:5]))


def _bucket_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the fault of a pattern for objects of every bucket, including buckets of other owners."""
    wide = [
        resource
        for resource in statement.resources
        if (name := resource.partition(":::")[2]) and "/" in name and name.startswith(("*", "?"))
    ]
    actions = tuple(action for action in statement.actions if action.startswith("s3:")) if wide else ()
    if actions:
        yield Fault(
            RuleId.UNBOUNDED_RESOURCE,
            f"{statement.where} names no bucket: {quote(map(shorten, wide))}.",
            parts=parts_at(Place(statement, actions, tuple(wide))),
        )


_DATABASE_SIGN_IN: Final = frozenset(("rds-db:connect", "redshift:getclustercredentials"))
_EVERY_DATABASE_USER: Final = re.compile(r"dbuser:.*/\*")


def _database_user_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the fault of signing in to a database as any of its users, an administrator included."""
    signing_in = tuple(filter(_DATABASE_SIGN_IN.__contains__, statement.actions))
    if statement.conditions.ask_for("redshift:dbuser"):
        return
    wide = [one for one in statement.resources if _EVERY_DATABASE_USER.fullmatch(one.split(":", 5)[-1])]
    if wide:
        yield Fault(
            RuleId.CREDENTIAL_EXPOSURE,
            f"{statement.where} allows signing in as any user of a database, through {quote(map(shorten, wide))}.",
            parts=parts_at(Place(statement, signing_in, tuple(wide))),
        )


# --- folders of the caller --------------------------------------------------------------------------------------------

_CALLER: Final = re.compile(r"\$\{(?:aws:(?:username|userid|principaltag/[^}]+)|[^}]+:sub)\}", re.IGNORECASE)
_LOOSE_VARIABLES: Final = (
    (re.compile(_CALLER.pattern + r"[*?]", re.IGNORECASE), "which also matches names that begin with the caller's"),
    (re.compile(r"\$\{aws:(?:useragent|referer)\b", re.IGNORECASE), "and the caller chooses the value of its variable"),
)
"""Forms of variables that narrow a resource too little, and what the message says about each."""
_MOST_FOLDERS: Final = 50
"""How many folders are compared with what is allowed."""


def _folder_faults(statements: Sequence[Statement]) -> Iterator[Fault]:
    """Yield the faults of patterns that are meant for the caller's own folder and match those of others
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_s3_home-directory-man.html)."""
    allows = [statement for statement in statements if statement.allow]
    narrowed = [statement for statement in allows if "s3:prefix" in statement.conditions.keys]
    own = [folder for statement in narrowed for folder in _own_folders(statement)][:_MOST_FOLDERS]
    for statement in allows:
        for resource in () if statement.negated_resources else statement.resources:
            problems = [text for form, text in _LOOSE_VARIABLES if form.search(resource)] if "${" in resource else []
            if own and "${" not in resource and any(patterns.includes(resource, folder) for folder in own):
                problems = ["though only the caller's own folder may be listed"]
            for problem in problems:
                yield Fault(
                    RuleId.UNBOUNDED_RESOURCE,
                    f"{statement.where} allows `{shorten(resource)}`, {problem}.",
                    parts=parts_at(Place(statement, statement.actions, (resource,))),
                )


def _own_folders(statement: Statement) -> Iterator[str]:
    """Yield the folders, as patterns of objects, to which a statement narrows the listing of a bucket."""
    for values in statement.conditions.demanded_values("s3:prefix"):
        own = [value for value in values if _CALLER.search(value)]
        for bucket in statement.resources if own else ():
            for value in own:
                yield f"{bucket}/{_CALLER.sub('?*', value).rstrip('*')}?*"
