"""Conditions of an Allow that don't keep out what they seem to keep out, or that no request can meet."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.faults.fault import Fault, RuleId
from policies.least_privilege.faults.wording import quote, shorten, spell
from policies.least_privilege.knowledge import condition_keys, sensitive
from policies.least_privilege.language import patterns
from policies.least_privilege.language.binding_keys import ACCOUNT, is_account_arn, is_network
from policies.least_privilege.language.conditions import Condition, Conditions
from policies.least_privilege.language.documents import Kind, Principal, Statement
from policies.least_privilege.meaning import principals, resources
from policies.least_privilege.meaning.grants import matching_actions


def allow_condition_faults(statement: Statement, kind: Kind) -> Iterator[Fault]:
    """Yield the faults of the conditions of an Allow."""
    where, conditions = statement.where, statement.conditions
    for line, problem in _ineffective_lines(conditions, in_trust=kind is Kind.TRUST):
        yield Fault(RuleId.INEFFECTIVE_CONDITION, f"{where}: {problem}.", concerns=line.key)
    if (
        "aws:tagkeys" in conditions.keys
        and any(line.qualifier == "foranyvalue" and line.key == "aws:tagkeys" for line in conditions)
        and any(map(sensitive.writes_tags, statement.actions))
    ):
        yield Fault(
            RuleId.INEFFECTIVE_CONDITION,
            f"{where}: with `ForAnyValue`, a request can set any other tag along with one of those listed.",
        )
    if kind is not Kind.TRUST and _names_other_regions(statement):
        yield Fault(
            RuleId.INVALID_CONDITION, f"{where}: none of its resources is in a region that its condition names."
        )
    if not conditions.keys.isdisjoint(_SENT_BY_SERVICES):
        yield from _source_faults(statement)


def _source_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the faults of conditions on the source for which a service acts."""
    where, conditions = statement.where, statement.conditions
    for service in _services_with_other_sources(statement):
        yield Fault(
            RuleId.INVALID_CONDITION, f"{where}: `{service}` never acts for the source that `aws:SourceArn` names."
        )
    if _sources_disagree(conditions):
        yield Fault(
            RuleId.INVALID_CONDITION,
            f"{where}: `aws:SourceAccount` and `aws:SourceArn` name different accounts, so no request passes.",
        )
    if not any(map(_may_be_a_service, statement.principals)):
        for line in conditions:
            if line.key in _SENT_BY_SERVICES and line.demands():
                yield Fault(
                    RuleId.INVALID_CONDITION,
                    f"{where}: only requests that a service makes in its own name hold `{line.key}`; requests "
                    "of a role never do.",
                )


_SENT_BY_SERVICES: Final = frozenset(
    "aws:sourceaccount aws:sourcearn aws:sourceorgid aws:sourceorgpaths aws:principalservicename".split()
)
"""Keys of the requests that a service makes in its own name
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""


def _may_be_a_service(principal: Principal) -> bool:
    return principal.kind != "AWS" or principals.meaning(principal).is_open


# --- lines that let everybody in --------------------------------------------------------------------------------------

_LIMITS: Final = frozenset(
    """
        aws:sourceip aws:vpcsourceip aws:sourcevpc aws:sourcevpce aws:principalorgid aws:principalorgpaths
        aws:principalaccount aws:resourceorgid aws:resourceorgpaths aws:resourceaccount aws:sourceaccount
        aws:sourcearn aws:sourceorgid sts:externalid iam:passedtoservice kms:viaservice lambda:principal
        ec2:add/userid dynamodb:leadingkeys acm-pca:templatearn
    """.split()
)
"""Keys that serve to keep others out. A condition that accepts every value, or all but a few, lets them in."""

_OFTEN_MISSING: Final = frozenset(
    """
        aws:sourceip aws:vpcsourceip aws:sourcevpc aws:sourcevpce aws:multifactorauthpresent aws:multifactorauthage
        s3:prefix dynamodb:leadingkeys aws:calledvia aws:calledviafirst aws:calledvialast kms:viaservice
        sts:externalid elasticfilesystem:accesspointarn s3:dataaccesspointarn s3:dataaccesspointaccount
        iam:permissionsboundary kms:recipientattestation:imagesha384
    """.split()
) | {f"kms:recipientattestation:pcr{register}" for register in range(32)}
"""Keys that many requests lack: those of an access key have no MFA, those over the internet no endpoint, a list of a
whole bucket no prefix, a direct call no calling service, a new role no boundary."""

_CHOSEN_BY_CALLER: Final = frozenset("aws:requesttag aws:tagkeys sts:rolesessionname sts:sourceidentity".split())
"""Keys whose values the caller chooses for a session. For these, `*` only demands that there is a value."""

_WANTED_FALSE: Final = frozenset(["ram:requestedallowsexternalprincipals", "ram:allowsexternalprincipals"])
_WANTED_TRUE: Final = frozenset(["aws:securetransport", "aws:multifactorauthpresent", "kms:grantisforawsresource"])
_HEADERS: Final = frozenset(("aws:useragent", "aws:referer"))
"""Keys of HTTP headers, which any caller can set to any value
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-useragent)."""


def _ineffective_lines(conditions: Conditions, *, in_trust: bool) -> Iterator[tuple[Condition, str]]:
    """Yield each line that doesn't keep out what it seems to, and why.

    `in_trust` says that it's a trust policy. There it's ineffective to exclude values of any key, or to accept `*` for
    one that the caller doesn't choose.
    """
    demanded = {line.key for line in conditions.demanding}
    for line in conditions:
        excludes = line.negated and line.key not in demanded
        if problem := _why_ineffective(line, conditions.required_keys, excludes=excludes, in_trust=in_trust):
            yield line, problem.format(key=f"`{line.key[:80]}`")


def _why_ineffective(line: Condition, required: frozenset[str], *, excludes: bool, in_trust: bool) -> str:
    """Return why a line is ineffective, with `{key}` for its key; empty if it isn't."""
    if excludes and (in_trust or line.key in _LIMITS):
        return "{key} lets in all but the values named, and requests without the key"
    if line.if_exists and line.key not in required and _is_often_missing(line.key):
        return "{key} with `IfExists` lets in every request without the key"
    if line.qualifier == "forallvalues" and not excludes and _passes_without_key(line, required):
        return "{key} with `ForAllValues` lets in every request without the key"
    if line.compares_itself and not excludes:
        return "{key} is compared with itself"
    if line.operator == "ipaddress" and _covers_every_address(line.values):
        return "the values of {key} cover every address"
    if _matches_everything(line, in_trust):
        return "the values of {key} match everything"
    if line.key in _WANTED_TRUE and line.operator == "bool" and "false" in map(str.lower, line.values):
        return "{key} may be false"
    if _asks_for_the_unwanted(line):
        return "{key} asks for what it should keep out"
    return "the caller can set {key} to any value" if line.key in _HEADERS and line.demands() else ""


def _is_often_missing(key: str) -> bool:
    return key in _OFTEN_MISSING or ":resourcetag/" in key


def _passes_without_key(line: Condition, required: frozenset[str]) -> bool:
    """Tell whether `ForAllValues` lets a request without the key pass, though the key isn't a list.

    An empty set satisfies `ForAllValues`. That's right for a key that lists what is requested: nothing is requested.
    """
    if line.key in required or line.key == "aws:tagkeys" or line.operator == "null":
        return False
    return not condition_keys.holds_list(line.key)


def _covers_every_address(values: Iterable[str]) -> bool:
    networks = [ipaddress.ip_network(value, strict=False) for value in values if is_network(value)]
    old = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    new = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    return any(one.prefixlen == 0 for one in old) or any(one.prefixlen == 0 for one in new)


def _matches_everything(line: Condition, in_trust: bool) -> bool:
    if line.operator not in ("stringlike", "arnlike", "arnequals"):
        return False
    for ending, every in _EVERY_NAME.items():
        if line.key.endswith(ending):
            return any(patterns.includes(value.split(":", 5)[-1], every) for value in line.values)
    chosen = line.key.partition("/")[0] in _CHOSEN_BY_CALLER
    limits = line.key in _LIMITS or line.key.endswith("arn") or (in_trust and not chosen)
    return limits and any(map(_is_everything, line.values))


_EVERY_NAME: Final = {"rolearn": "role/?*", "iam:policyarn": "policy/?*", "iam:permissionsboundary": "policy/?*"}
"""End of a key that names a policy, or a role that a service uses -> the pattern of all names, which limits nothing."""


def _is_everything(value: str) -> bool:
    """Tell whether a value is a star, or the ARN of every template of AWS's private certificate authority."""
    return value == "*" or bool(_EVERY_TEMPLATE.fullmatch(value))


_EVERY_TEMPLATE: Final = re.compile(r"arn:[^:]*:acm-pca:[^:]*::(?:template/)?\*")


def _asks_for_the_unwanted(line: Condition) -> bool:
    if line.operator == "null" and line.key == "aws:multifactorauthpresent":
        # Every temporary session has the key, with MFA or without.
        return True
    if line.operator == "null":
        return ":resourcetag/" in line.key and not line.requires_key and not line.if_exists
    return line.key in _WANTED_FALSE and line.is_flag("true")


# --- lines that no request meets --------------------------------------------------------------------------------------


def _names_other_regions(statement: Statement) -> bool:
    """Tell whether a statement asks for regions in which none of its resources is."""
    if "aws:requestedregion" not in statement.conditions.keys:
        return False
    regions = {one.split(":", 5)[3] if one.count(":") >= 5 else "" for one in statement.resources}
    return any(
        all(region and not patterns.wild(region) and "$" not in region for region in regions)
        and not any(patterns.matches(value, region) for value in values for region in regions)
        for values in statement.conditions.demanded_values("aws:requestedregion")
    )


def _sources_disagree(conditions: Conditions) -> bool:
    accounts, in_arns = _demanded(conditions, "aws:sourceaccount"), _accounts_in_source_arns(conditions)
    numbers = all(map(ACCOUNT.fullmatch, accounts | in_arns))
    return bool(accounts and in_arns and numbers and not accounts & in_arns)


def source_accounts(conditions: Conditions) -> list[str]:
    """Return the numbers of the accounts that `aws:SourceAccount` and `aws:SourceArn` ask for, sorted."""
    return _account_numbers(_demanded(conditions, "aws:sourceaccount") | _accounts_in_source_arns(conditions))


def caller_accounts(conditions: Conditions) -> list[str]:
    """Return the numbers of the accounts whose callers are asked for, sorted."""
    return _account_numbers(_demanded(conditions, "aws:principalaccount") | _demanded(conditions, "kms:calleraccount"))


def _account_numbers(accounts: Iterable[str]) -> list[str]:
    return sorted(filter(ACCOUNT.fullmatch, accounts))


def _demanded(conditions: Conditions, key: str) -> set[str]:
    return {value for values in conditions.demanded_values(key) for value in values}


def _accounts_in_source_arns(conditions: Conditions) -> set[str]:
    # A bucket's ARN holds none.
    return {arn.split(":", 5)[4] for arn in _demanded(conditions, "aws:sourcearn") if is_account_arn(arn)}


_SOURCE_SERVICES: Final[Mapping[str, str]] = {
    **{
        service: service
        for service in """
            appflow backup bedrock budgets cloudfront cloudtrail cloudwatch codebuild codepipeline cognito-identity
            cognito-idp config datasync dms elasticloadbalancing events firehose fis glue guardduty imagebuilder
            inspector2 iot logs pipes s3 scheduler ses sns ssm states transcribe transfer workmail
        """.split()
    },
    "apigateway": "execute-api",
    "delivery.logs": "logs",
    "ecs-tasks": "ecs",
    "lexv2": "lex",
    "macie": "macie2",
    "pods.eks": "eks",
    "logging.s3": "s3",
    "monitoring.rds": "rds",
    "vpc-flow-logs": "ec2",
}
"""Service principal, without `.amazonaws.com` -> the service in the ARNs that it sends as `aws:SourceArn`."""

_SOURCE_KINDS: Final = {"s3": "bucket", "events": "rule", "cloudwatch": "alarm"}
"""Service -> the only type of its resources that it acts for."""


def _services_with_other_sources(statement: Statement) -> Iterator[str]:
    """Yield the service principals that never send the `aws:SourceArn` that the statement asks them for."""
    arns = [arn for arn in _demanded(statement.conditions, "aws:sourcearn") if arn.count(":") >= 5]
    named = {arn.split(":", 3)[2] for arn in arns}
    if not named or any(map(patterns.wild, named)):
        return
    for principal in statement.principals:
        sent = _SOURCE_SERVICES.get(principals.strip_region(principal.name).removesuffix(".amazonaws.com"))
        if principal.kind != "Service" or not sent:
            continue
        kind = _SOURCE_KINDS.get(sent)
        if sent not in named or (kind and not any(resources.has_kind(arn, kind) for arn in arns)):
            yield principal.name


# --- keys that the actions are never sent with ------------------------------------------------------------------------

_LIST_KEYS: Final = ("s3:prefix", "s3:delimiter")
"""Keys of requests that list a bucket. Policies often demand them for reads of objects, too, which then fail."""

_SESSION_KEYS: Final = frozenset(
    "ec2:sourceinstancearn ec2:roledelivery glue:roleassumedby lambda:sourcefunctionarn".split()
)
"""Keys that come with every request of a role's session."""


def unsent_key_faults(statement: Statement) -> Iterator[Fault]:
    """Yield the faults of condition keys that requests for the statement's actions never hold."""
    for line in statement.conditions:
        if line.operator != "null" and _may_be_unsent(line.key):
            yield from _unsent_key(statement, line)


def _unsent_key(statement: Statement, line: Condition) -> Iterator[Fault]:
    unsent = [action for action in statement.actions if _is_unsent(action, line.key)]
    key = shorten(line.key)
    if unsent and len(unsent) == len(statement.actions):
        yield Fault(
            RuleId.INVALID_CONDITION, f"{statement.where}: requests for its actions never hold the key `{key}`."
        )
    elif statement.allow and line.qualifier == "forallvalues" and any(map(_touches_data, unsent)):
        yield Fault(
            RuleId.INEFFECTIVE_CONDITION,
            f"{statement.where}: requests for {quote(map(spell, unsent))} never hold the key `{key}`, and "
            "`ForAllValues` lets in every request without it.",
        )
    elif statement.allow and line.demands():
        # AWS's own documentation has statements in which only some actions of the key's service know the key, so that
        # alone is no fault. An action of another service that writes was surely meant to be granted.
        own = line.key.partition(":")[0] + ":"
        useless = [
            spell(action)
            for action in unsent
            if (line.key in _LIST_KEYS and _touches_data(action))
            or (not action.startswith(own) and own != "aws:" and _writes(action))
        ]
        if useless:
            yield Fault(
                RuleId.INVALID_CONDITION,
                f"{statement.where} grants nothing for {quote(useless)}, whose requests never hold the key `{key}`.",
            )


def _touches_data(action: str) -> bool:
    service, mask = knowledge.lookup(action)
    return _writes(action) or bool(service and mask & sensitive.mask(service, "data"))


def _writes(action: str) -> bool:
    service, mask = knowledge.lookup(action)
    return bool(service and mask & ~(service.levels["List"] | service.levels["Read"]))


@lru_cache(8192)
def _may_be_unsent(key: str) -> bool:
    """Tell whether it's known which actions are sent with a key. Another rule judges keys that the reference lacks."""
    if key.startswith(_REQUEST_TAG):
        return True
    service = knowledge.service(key.partition(":")[0])
    return bool(service and key not in _SESSION_KEYS and condition_keys.actions_sent_with(service, key) is not None)


_REQUEST_TAG: Final = "aws:requesttag/"


@lru_cache(16384)
def _is_unsent(action: str, key: str) -> bool:
    """Tell whether an action, or every action that a pattern matches, is known never to be sent with a key.

    The key is one for which that can be known (`_may_be_unsent`).
    """
    if key.startswith(_REQUEST_TAG):
        # If no action of a service has the key, the reference may just leave it out.
        known = [
            (condition_keys.actions_sent_with(service, key), mask) for service, mask in matching_actions(action).items()
        ]
        return bool(known) and all(sent is not None and not sent & mask for sent, mask in known)
    granted = matching_actions(action)
    # A service may use the keys of another: EC2 Instance Connect has `ec2:osuser`.
    return bool(granted) and not any(
        (condition_keys.actions_sent_with(one, key) or 0) & mask for one, mask in granted.items()
    )
