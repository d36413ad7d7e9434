"""What a condition really does: whether it binds, and whether what it binds narrows whom or what a statement is about.

A condition binds if a request that lacks the key, or has just any value, doesn't pass. Operators that don't: the
negated ones, `...IfExists`, `ForAllValues` (true for a missing key) and values that match everything. A missing key
fails every other operator, so a key that the request never holds makes the statement grant nothing, which is narrow.
Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.language import patterns
from policies.least_privilege.language.documents import Condition
from policies.least_privilege.meaning import principals, resources

# --- operators ---------------------------------------------------------------------------------------------------

_FAMILIES: Final[Mapping[str, str]] = {
    "stringequals": "string",
    "stringnotequals": "string",
    "stringequalsignorecase": "string",
    "stringnotequalsignorecase": "string",
    "stringlike": "string",
    "stringnotlike": "string",
    "numericequals": "numeric",
    "numericnotequals": "numeric",
    "numericlessthan": "numeric",
    "numericlessthanequals": "numeric",
    "numericgreaterthan": "numeric",
    "numericgreaterthanequals": "numeric",
    "dateequals": "date",
    "datenotequals": "date",
    "datelessthan": "date",
    "datelessthanequals": "date",
    "dategreaterthan": "date",
    "dategreaterthanequals": "date",
    "bool": "bool",
    "binaryequals": "binary",
    "ipaddress": "ip",
    "notipaddress": "ip",
    "arnequals": "arn",
    "arnlike": "arn",
    "arnnotequals": "arn",
    "arnnotlike": "arn",
    "null": "null",
}
"""Operator -> the family of values that it compares."""

_NEGATED: Final = frozenset(operator for operator in _FAMILIES if "not" in operator)


def demands(condition: Condition, present: frozenset[str] = frozenset()) -> bool:
    """Tell whether a request without the key fails, and the values are asked for, not excluded.

    `present` are the keys that another line (`Null` with false) demands.
    """
    if condition.operator not in _FAMILIES or condition.operator in _NEGATED or condition.operator == "null":
        return False
    lenient = condition.if_exists or condition.qualifier == "forallvalues"
    return not lenient or condition.key in present


def _present(conditions: Iterable[Condition]) -> frozenset[str]:
    return frozenset(
        condition.key
        for condition in conditions
        if condition.operator == "null" and {value.lower() for value in condition.values} == {"false"}
    )


# --- values ------------------------------------------------------------------------------------------------------

_ACCOUNT: Final = re.compile(r"\d{12}")
_OWN: Final = frozenset(("${aws:principalaccount}", "${aws:resourceaccount}", "${aws:sourceaccount}"))


def literal(value: str) -> bool:
    """Tell whether a value is one text, not a pattern."""
    return bool(value) and not patterns.wild(value)


def _account(value: str) -> bool:
    return bool(_ACCOUNT.fullmatch(value)) or value.lower() in _OWN


def _organization_path(value: str) -> bool:
    return value.startswith("o-") and literal(value.partition("/")[0])


def _arn(value: str) -> bool:
    """An ARN of one account. A bucket's holds none: whoever takes its name, once it's free, is somebody else."""
    parts = value.split(":", 5)
    return len(parts) == 6 and literal(parts[2]) and literal(parts[4])


def _network(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= (8 if network.version == 4 else 16)


def _some(value: str) -> bool:
    """Any text but a pattern that everything matches."""
    return bool(value) and not patterns.includes(value, "?*")


def _true(value: str) -> bool:
    return value.lower() == "true"


def _bound(condition: Condition, check: Callable[[str], bool]) -> bool:
    """Tell whether every value passes; values are alternatives, so that the widest one counts."""
    # A star counts as a pattern under every operator. Where it's only a letter the value can't match anything, which
    # `problems` reports.
    return bool(condition.values) and all(check(value) for value in condition.values)


# --- keys --------------------------------------------------------------------------------------------------------

Keys = Mapping[str, Callable[[str], bool]]
"""Condition key in lower case (a prefix, where it ends with `/` or `:`) -> what its values must be to bind."""

SOURCE: Final[Keys] = {
    "aws:sourceaccount": _account,
    "aws:sourcearn": _arn,
    "aws:sourceorgid": literal,
    "aws:sourceorgpaths": _organization_path,
    # A function or log group in the context is what these services put there, so it stands for the source.
    "kms:encryptioncontext:aws:logs:arn": _arn,
    "kms:encryptioncontext:aws:cloudtrail:arn": _arn,
    "kms:calleraccount": _account,
    "aws:sourceowner": _account,
    "sts:externalid": literal,
    "lambda:eventsourcetoken": literal,
    # It's true only where the service asks for the grant on behalf of somebody who may use the key.
    "kms:grantisforawsresource": _true,
}
"""Keys that tie a service's request to the account it acts for
(https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html)."""

CALLER: Final[Keys] = {
    "aws:principalorgid": literal,
    "aws:principalorgpaths": _organization_path,
    "aws:principalaccount": _account,
    "aws:principalarn": _arn,
    "aws:userid": lambda value: literal(value.partition(":")[0]),
    "aws:sourcevpce": literal,
    "aws:sourcevpc": literal,
    "aws:vpceaccount": _account,
    "aws:vpceorgid": literal,
    "aws:vpceorgpaths": _organization_path,
    "aws:sourceip": _network,
    "aws:sourceaccount": _account,
    "aws:sourcearn": _arn,
    "aws:sourceorgid": literal,
    "aws:sourceorgpaths": _organization_path,
    "aws:sourceowner": _account,
    "kms:calleraccount": _account,
    "s3:dataaccesspointaccount": _account,
    "s3:dataaccesspointarn": _arn,
    "lambda:eventsourcetoken": literal,
    "elasticfilesystem:accessedviamounttarget": _true,
}
"""Keys that tell whom a statement with an open principal is for: what AWS itself counts as not public
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html)."""

PARTNER: Final[Keys] = {
    "sts:externalid": literal,
    **{key: CALLER[key] for key in ("aws:principalorgid", "aws:principalorgpaths", "aws:principalarn", "aws:userid")},
    "aws:sourcevpce": literal,
    "aws:principaltag/": _some,
    "aws:multifactorauthpresent": _true,
}
"""Keys that make trust in another account safe to give
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html)."""

_TAGS: Final[Keys] = {"aws:resourcetag/": _some, "aws:requesttag/": _some, "aws:tagkeys": _some}

_NOT_ABOUT_RESOURCES: Final = frozenset(
    (
        *("s3:authtype", "s3:signatureversion", "s3:signatureage", "s3:tlsversion", "s3:resourceaccount"),
        *("s3:x-amz-content-sha256", "s3:x-amz-acl", "s3:x-amz-storage-class", "s3:x-amz-server-side-encryption"),
        *("s3:max-keys", "s3:delimiter", "s3:versionid", "s3:objectcreationoperation", "s3:if-match"),
        *("s3:if-none-match", "s3:x-amz-metadata-directive", "s3:x-amz-object-ownership", "s3:locationconstraint"),
        *("ec2:region", "ec2:rolesessionname", "ec2:sourceinstancearn", "ec2:ebsoptimized", "ec2:tenancy"),
        *("kms:calleraccount", "kms:encryptionalgorithm", "kms:signingalgorithm", "kms:messagetype"),
        *("kms:bypasspolicylockoutsafetycheck", "kms:recipientattestation:imagesha384"),
        *("iam:passedtoservice", "iam:associatedresourcearn", "iam:organizationspolicyid"),
        *("sts:rolesessionname", "sts:externalid", "sts:sourceidentity", "sts:durationseconds"),
        *("secretsmanager:versionstage", "secretsmanager:versionid", "secretsmanager:recoverywindowindays"),
        *("lambda:sourcefunctionarn", "lambda:vpcids", "lambda:principal", "lambda:functionurlauthtype"),
        *("dynamodb:select", "dynamodb:returnvalues"),
        *("dynamodb:returnconsumedcapacity", "dynamodb:enclosingoperation", "dynamodb:attributes"),
        *("ssm:recursive", "ssm:overwrite", "ssm:sessiondocumentaccesscheck", "sns:protocol", "sns:endpoint"),
        *("ecs:enable-execute-command", "ecs:enable-managed-tags", "ecs:compute-compatibility"),
    )
)
"""Service keys that speak of how a request is made or by whom, not of what it reaches."""


@lru_cache(8192)
def narrows_resources(conditions: tuple[Condition, ...]) -> bool:
    """Tell whether the conditions of an identity policy's statement narrow the resources that it reaches.

    Tags of the resource, or those a new one must get, and most keys of a service do; keys about the caller (address,
    MFA, organization, account, time, transport) don't: they hold for whoever is meant to use the role.
    """
    present = _present(conditions)
    return any(_narrows(condition) for condition in conditions if demands(condition, present))


def _narrows(condition: Condition) -> bool:
    key = condition.key
    if key.startswith("aws:"):
        check = _find(key, _TAGS)
        return check is not None and _bound(condition, check)
    return key not in _NOT_ABOUT_RESOURCES and ":" in key and _bound(condition, _some)


@lru_cache(8192)
def asks_for(conditions: tuple[Condition, ...], key: str, check: Callable[[str], bool] | None = None) -> bool:
    """Tell whether the conditions demand a value of one key, and each that they accept passes the check.

    Without a check any value passes but a pattern that everything matches.
    """
    present = _present(conditions)
    return any(
        condition.key == key
        and demands(condition, present)
        and _bound(condition, _some)
        and (check is None or _bound(condition, check))
        for condition in conditions
    )


@lru_cache(8192)
def bound_by(conditions: tuple[Condition, ...], context: str) -> bool:
    """Tell whether a key of a context (of `_CONTEXTS`) binds the request."""
    keys = _CONTEXTS[context]
    present = _present(conditions)
    for condition in conditions:
        check = _find(condition.key, keys) if demands(condition, present) else None
        if check and _bound(condition, check):
            return True
    return False


_CONTEXTS: Final[Mapping[str, Keys]] = {
    "source": SOURCE,
    "caller": CALLER,
    "partner": PARTNER,
    "organization": {key: CALLER[key] for key in ("aws:principalorgid", "aws:principalorgpaths")},
    # An address isn't somebody: who sends from it may be anybody's.
    "identity": {key: check for key, check in CALLER.items() if key != "aws:sourceip"},
}


def _find(key: str, keys: Keys) -> Callable[[str], bool] | None:
    check = keys.get(key)
    if check is None and "/" in key:
        check = keys.get(key.partition("/")[0] + "/")
    return check


def values_of(conditions: Sequence[Condition], key: str) -> Iterator[tuple[str, ...]]:
    """Yield the values of each line that demands a key."""
    present = _present(conditions)
    for condition in conditions:
        if condition.key == key and demands(condition, present):
            yield condition.values


def named(conditions: Sequence[Condition], key: str) -> Iterator[str]:
    """Yield the values of a key that are asked for, also where a request without the key passes."""
    for condition in conditions:
        if condition.key == key and condition.operator not in _NEGATED and condition.operator != "null":
            yield from condition.values


def may_tag(conditions: Sequence[Condition], tag: str) -> bool:
    """Tell whether a statement that lets resources be tagged lets them get a tag, by its name in lower case.

    It doesn't if it's for resources that have the tag, for a value of it, for other tags, or for what is being made.
    """
    for condition in conditions:
        if condition.operator in _NEGATED or condition.operator == "null":
            continue
        prefix, _, name = condition.key.partition("/")
        if condition.key.endswith(":createaction") or (prefix.endswith(("resourcetag", "requesttag")) and name == tag):
            return False
        others = condition.key == "aws:tagkeys" and condition.qualifier == "forallvalues"
        if others and not any(patterns.matches(value.lower(), tag) for value in condition.values):
            return False
    return True


# --- conditions that don't limit ------------------------------------------------------------------------------------

_LIMITS: Final = frozenset(
    (
        *("aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce"),
        *("aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount"),
        *("aws:resourceorgid", "aws:resourceorgpaths", "aws:resourceaccount"),
        *("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "sts:externalid"),
        *("iam:passedtoservice", "kms:viaservice"),
        *("lambda:principal", "ec2:add/userid", "dynamodb:leadingkeys", "acm-pca:templatearn"),
    )
)
"""Keys that a statement asks for to keep others out: with every value, or all but a few, it lets them in."""

_OFTEN_MISSING: Final = frozenset(
    (
        *("aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce"),
        *("aws:multifactorauthpresent", "aws:multifactorauthage", "s3:prefix", "dynamodb:leadingkeys"),
        *("aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "kms:viaservice", "sts:externalid"),
        *("elasticfilesystem:accesspointarn", "s3:dataaccesspointarn", "s3:dataaccesspointaccount"),
        *("iam:permissionsboundary", "kms:recipientattestation:imagesha384"),
        *(f"kms:recipientattestation:pcr{register}" for register in range(32)),
    )
)
"""Keys that many requests come without: an access key brings no MFA, a request over the internet no endpoint, a list
of a whole bucket no prefix, a call of one's own no service that made it, a new role no boundary."""


def _is_everything(value: str) -> bool:
    """Tell whether a value is a star, or an ARN of AWS's own that names nothing of its kind."""
    return value == "*" or bool(re.fullmatch(r"arn:[^:]*:acm-pca:[^:]*::(?:template/)?\*", value))


_MERELY_SENT: Final = frozenset(("aws:requesttag", "aws:tagkeys", "sts:rolesessionname", "sts:sourceidentity"))
"""Keys of a session that the caller chooses: `*` asks that it say something."""


def _holds_without(condition: Condition, present: frozenset[str]) -> bool:
    """Tell whether `ForAllValues` lets a request without the key pass, and the key isn't a list of what is asked for:
    of nothing, all is allowed."""
    key = condition.key
    if key in present or key == "aws:tagkeys" or condition.operator == "null":
        return False
    service = knowledge.service(key.partition(":")[0])
    found = _service_key(service, key) if service else None
    return found is None or not found[0].startswith("ArrayOf")


def _is_often_missing(key: str) -> bool:
    return key in _OFTEN_MISSING or ":resourcetag/" in key


_WANTED_FALSE: Final = frozenset(("ram:requestedallowsexternalprincipals", "ram:allowsexternalprincipals"))
_WANTED_TRUE: Final = frozenset(("aws:securetransport", "aws:multifactorauthpresent", "kms:grantisforawsresource"))


@lru_cache(8192)
def ineffective(conditions: tuple[Condition, ...], any_key: bool = False) -> tuple[str, ...]:
    """Return which conditions of an Allow don't keep out what they seem to keep out.

    `any_key` says that no key may be asked for by what it isn't, as in a trust policy.
    """
    present = _present(conditions)
    asked = {condition.key for condition in conditions if demands(condition, present)}
    found = []
    for condition in conditions:
        key = f"`{condition.key[:80]}`"
        limits = condition.key in _LIMITS
        excludes = condition.operator in _NEGATED and condition.key not in asked
        everything = condition.operator in ("stringlike", "arnlike") and any(map(_is_everything, condition.values))
        if excludes and (limits or any_key):
            found.append(f"{key} lets in all but the values named, and requests without the key")
        elif condition.if_exists and condition.key not in present and _is_often_missing(condition.key):
            found.append(f"{key} with `IfExists` lets in every request without the key")
        elif condition.qualifier == "forallvalues" and not excludes and _holds_without(condition, present):
            found.append(f"{key} with `ForAllValues` lets in every request without the key")
        elif condition.operator == "ipaddress" and _hold_every_address(condition.values):
            found.append(f"the values of {key} hold every address")
        elif everything and (
            limits or condition.key.endswith("arn") or (any_key and condition.key.partition("/")[0] not in _MERELY_SENT)
        ):
            found.append(f"the values of {key} match everything")
        elif (
            condition.key in _WANTED_TRUE
            and condition.operator == "bool"
            and "false" in map(str.lower, condition.values)
        ):
            found.append(f"{key} is allowed to be false")
        elif _asks_for_the_unwanted(condition):
            found.append(f"{key} asks for what it's there to keep out")
        elif condition.key in _SENT_AT_WILL and demands(condition):
            found.append(f"{key} is whatever the caller sends")
    return tuple(found)


def _asks_for_the_unwanted(condition: Condition) -> bool:
    if condition.operator == "null" and condition.key == "aws:multifactorauthpresent":
        # Any temporary session has the key: with MFA or without.
        return True
    if condition.operator == "null":
        return (
            ":resourcetag/" in condition.key and condition.key not in _present([condition]) and not condition.if_exists
        )
    return condition.key in _WANTED_FALSE and any(_always([condition], condition.key, "true"))


_SENT_AT_WILL: Final = frozenset(("aws:useragent", "aws:referer"))
"""Keys of headers
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-useragent)."""


def _hold_every_address(values: Iterable[str]) -> bool:
    networks = [ipaddress.ip_network(value, strict=False) for value in values if _is_network(value)]
    old = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    new = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    return any(one.prefixlen == 0 for one in old) or any(one.prefixlen == 0 for one in new)


def other_regions(conditions: Sequence[Condition], resources_: Sequence[str]) -> bool:
    """Tell whether a statement asks for regions in which none of its resources is."""
    asked = [set(values) for values in values_of(conditions, "aws:requestedregion")]
    there = {resource.split(":", 5)[3] if resource.count(":") >= 5 else "" for resource in resources_}
    return any(
        all(region and not patterns.wild(region) and "$" not in region for region in there)
        and not any(patterns.matches(value, region) for value in values for region in there)
        for values in asked
    )


def sources_disagree(conditions: Sequence[Condition]) -> bool:
    """Tell whether `aws:SourceAccount` and `aws:SourceArn` are asked for in different accounts, so that none passes."""
    accounts, of_arns = _demanded(conditions, "aws:sourceaccount"), _arns_accounts(conditions)
    named = all(_ACCOUNT.fullmatch(account) for account in accounts | of_arns)
    return bool(accounts and of_arns and named and not accounts & of_arns)


def source_accounts(conditions: Sequence[Condition]) -> list[str]:
    """Return the numbers of the accounts that `aws:SourceAccount` and `aws:SourceArn` ask for, sorted."""
    return _numbers(_demanded(conditions, "aws:sourceaccount") | _arns_accounts(conditions))


def caller_accounts(conditions: Sequence[Condition]) -> list[str]:
    """Return the numbers of the accounts whose callers are asked for, sorted."""
    return _numbers(_demanded(conditions, "aws:principalaccount") | _demanded(conditions, "kms:calleraccount"))


def _numbers(accounts: Iterable[str]) -> list[str]:
    return sorted(account for account in accounts if _ACCOUNT.fullmatch(account))


def _demanded(conditions: Sequence[Condition], key: str) -> set[str]:
    return {value for values in values_of(conditions, key) for value in values}


def _arns_accounts(conditions: Sequence[Condition]) -> set[str]:
    # The ARN of a bucket has none.
    arns = (arn.split(":", 5) for values in values_of(conditions, "aws:sourcearn") for arn in values if _arn(arn))
    return {parts[4] for parts in arns if parts[4]}


def denies_the_safe(conditions: Sequence[Condition], of_a_role: bool = False) -> str:
    """Return what the condition of a Deny holds for that was meant to pass, TLS or MFA first; empty if nothing.

    `of_a_role` says that it's in a trust policy, where nobody keeps a list of addresses that are shut out.
    """
    if len(conditions) != 1:
        return ""
    if conditions[0].operator == "null":
        return _PRESENT.get(conditions[0].key, "") if conditions[0].key in _present(conditions) else ""
    table = _SAFE | _SAFE_OF_A_ROLE if of_a_role else _SAFE
    operator, what = table.get(conditions[0].key, ("", ""))
    fitting = any(_always(conditions, conditions[0].key, "true")) if operator == "bool" else bool(what)
    return what if fitting and conditions[0].operator.startswith(operator) else ""


_EQUALS: Final = ("stringequals", "stringlike")
_SAFE: Final[dict[str, tuple[str | tuple[str, ...], str]]] = {
    "aws:securetransport": ("bool", "over TLS"),
    "aws:multifactorauthpresent": ("bool", "with MFA"),
    "aws:multifactorauthage": ("numericless", "with a fresh MFA"),
    "aws:sourcevpce": (_EQUALS, "through the endpoint that it names"),
    "aws:sourcevpc": (_EQUALS, "from the network that it names"),
    "aws:principalorgid": (_EQUALS, "from the organization that it names"),
    "aws:principalorgpaths": (_EQUALS, "from the part of the organization that it names"),
    "s3:tlsversion": ("numericgreater", "with a new version of TLS"),
    "s3:signatureage": ("numericless", "with a fresh signature"),
    "glacier:archiveageindays": ("numericgreater", "for old archives"),
}
"""Keys that a denial asks for -> how the operator begins that denies the good values, and what these are."""
_PRESENT: Final[Mapping[str, str]] = {
    "s3:x-amz-server-side-encryption": "encrypted",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "encrypted with a key",
    "aws:multifactorauthage": "with MFA",
    "aws:multifactorauthpresent": "with MFA",
    "aws:sourcevpce": "through an endpoint",
    "aws:sourcevpc": "from a network of AWS's",
}
"""Keys that a denial names by `Null`: with false it's for the requests that have them."""
_SAFE_OF_A_ROLE: Final = {"aws:sourceip": ("ipaddress", "from the addresses that it names")}


_OF_SERVICES_OWN: Final = ("aws:principalisawsservice", "aws:viaawsservice")


def denies_services(conditions: Sequence[Condition]) -> bool:
    """Tell whether a Deny is for AWS's own services, which it was to spare."""
    return any(any(_always(conditions, key, "true")) for key in _OF_SERVICES_OWN)


def spares_services(conditions: Sequence[Condition]) -> bool:
    """Tell whether one of the conditions of a Deny spares AWS's own services."""
    return any(condition.key in _OF_SERVICES_OWN for condition in conditions)


def exclude_each_other(one: Condition, other: Condition) -> bool:
    """Tell whether two lines exclude all but some values of a key, and these have none in common."""
    if one.operator not in _NEGATED or one.qualifier:
        return False
    if one.operator == "notipaddress":
        return not any(_overlap(first, second) for first in one.values for second in other.values)
    return not any(patterns.intersects(first, second) for first in one.values for second in other.values)


@lru_cache(16384)
def _overlap(one: str, other: str) -> bool:
    if not (_is_network(one) and _is_network(other)):
        return True
    first, second = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    return first.version != second.version or first.overlaps(second)


def misses_those_without(conditions: Sequence[Condition]) -> str:
    """Return the key by whose exclusion a Deny is meant for those without it too, and with `ForAnyValue` isn't."""
    for condition in conditions:
        if condition.operator in _NEGATED and condition.qualifier == "foranyvalue" and condition.key in CALLER:
            return condition.key
    return ""


def excludes_everything(conditions: Sequence[Condition]) -> str:
    """Return the key of which a Deny spares every value, so that it denies nothing; empty if there is none."""
    for condition in conditions:
        spares = any(patterns.includes(value, "?*") or value == "0.0.0.0/0" for value in condition.values)
        if condition.operator in _NEGATED and not condition.qualifier and spares:
            return condition.key
    return ""


def keeps_out(conditions: Sequence[Condition]) -> bool:
    """Tell whether a Deny for everybody leaves only whom a key of the caller names: all but one network, endpoint,
    account or organization are denied, and so are requests without the key. AWS's own services may be spared."""
    others = [one for one in conditions if one.key not in _OF_SERVICES_OWN]
    if len(others) != 1 or others[0].operator not in _NEGATED or others[0].qualifier:
        return False
    check = _find(others[0].key, CALLER)
    return check is not None and _bound(others[0], check)


def denies_without_tls(conditions: Sequence[Condition]) -> bool:
    """Tell whether the conditions of a Deny hold for the requests that don't come over TLS."""
    return any(_always(conditions, "aws:securetransport", "false"))


def misses_access_keys(conditions: Sequence[Condition]) -> bool:
    """Tell whether a Deny for requests without MFA lets those of an access key pass, which come without the key
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, multifactorauthpresent).
    """
    return any(not condition.if_exists for condition in _always(conditions, "aws:multifactorauthpresent", "false"))


def _always(conditions: Iterable[Condition], key: str, value: str) -> Iterator[Condition]:
    """Yield the lines that ask for one value of a key by `Bool`."""
    for condition in conditions:
        if (
            condition.key == key
            and condition.operator == "bool"
            and {one.lower() for one in condition.values} == {value}
        ):
            yield condition


# --- validity ----------------------------------------------------------------------------------------------------

_GLOBAL: Final[Mapping[str, str]] = {
    "aws:assumedroot": "bool",
    "aws:calledvia": "string",
    "aws:calledviafirst": "string",
    "aws:calledvialast": "string",
    "aws:chatbotsourcearn": "arn",
    "aws:currenttime": "date",
    "aws:ec2instancesourceprivateipv4": "ip",
    "aws:ec2instancesourcevpc": "string",
    "aws:epochtime": "date numeric",
    "aws:federatedprovider": "string arn",
    "aws:ismcpserviceaction": "bool",
    "aws:multifactorauthage": "numeric",
    "aws:multifactorauthpresent": "bool",
    "aws:principalaccount": "string",
    "aws:principalarn": "arn string",
    "aws:principalisawsservice": "bool",
    "aws:principalorgid": "string",
    "aws:principalorgpaths": "string",
    "aws:principalservicename": "string",
    "aws:principalservicenameslist": "string",
    "aws:principaltag/": "string numeric bool date arn",
    "aws:principaltype": "string",
    "aws:referer": "string",
    "aws:requestedregion": "string",
    "aws:requesttag/": "string numeric bool date arn",
    "aws:resourceaccount": "string",
    "aws:resourceorgid": "string",
    "aws:resourceorgpaths": "string",
    "aws:resourcetag/": "string numeric bool date arn",
    "aws:securetransport": "bool",
    "aws:signinsessionarn": "arn string",
    "aws:sourceaccount": "string",
    "aws:sourcearn": "arn string",
    "aws:sourceidentity": "string",
    "aws:sourceip": "ip",
    "aws:sourceorgid": "string",
    "aws:sourceorgpaths": "string",
    "aws:sourceowner": "string",
    "aws:sourcevpc": "string",
    "aws:sourcevpcarn": "arn string",
    "aws:sourcevpce": "string",
    "aws:tagkeys": "string",
    "aws:tokenissuetime": "date",
    "aws:useragent": "string",
    "aws:userid": "string",
    "aws:username": "string",
    "aws:viaawsmcpservice": "bool",
    "aws:viaawsservice": "bool",
    "aws:vpceaccount": "string",
    "aws:vpceorgid": "string",
    "aws:vpceorgpaths": "string",
    "aws:vpcsourceip": "ip",
}
"""Global condition keys and the operator families that fit each
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""

_FITTING: Final[Mapping[str, str]] = {
    "String": "string arn",
    "ArrayOfString": "string arn",
    "ARN": "arn string",
    "ArrayOfARN": "arn string",
    "Bool": "bool string",
    "ArrayOfBool": "bool string",
    "Numeric": "numeric",
    "Date": "date numeric",
    "IPAddress": "ip",
}
"""Type of a service's condition key -> operator families that can match it. A text may hold a number or a boolean, but
where the service says that it's a number, a text operator never matches."""

_MISTYPED: Final = {"glacier:archiveageindays": "Numeric"}
"""Keys whose type the reference has wrong
(https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-lock-policy.html)."""

_EXACT: Final = frozenset(("stringequals", "stringequalsignorecase"))


_FREE_TEXT: Final = ("aws:referer", "aws:useragent")
"""Keys whose value may hold a star as a letter. Tags and names may not."""


_BORROWED: Final[Mapping[str, str]] = {
    "catalog": "aws-marketplace",
    "cognito-identity-auth": "cognito-identity",
    "cognito-identity-unauth": "cognito-identity",
    "identitycenter": "sso",
    "ec2:osuser": "ec2-instance-connect",
    "iot:jobid": "iotjobsdata",
    "identitystore:groupid": "qbusiness",
}
"""Condition key, or prefix of keys, that is listed under another service -> that service."""

_FEDERATED: Final = frozenset(("accounts.google.com", "graph.facebook.com", "www.amazon.com", "saml"))
_CLAIM: Final = re.compile(r"[a-z0-9.-]+\.[a-z]{2,}(?:/[^:]*)?(?::\d+[^:]*)?:.+")
"""Issuer (host, path, port) and claim of a token, as a condition key."""


@lru_cache(8192)
def problems(conditions: tuple[Condition, ...]) -> tuple[str, ...]:
    """Return what can't work: operators and keys that don't exist, values of the wrong kind."""
    return tuple(problem for condition in conditions for problem in _problems(condition))


def _problems(condition: Condition) -> Iterator[str]:
    family = _FAMILIES.get(condition.operator)
    if family is None or (condition.operator == "null" and condition.if_exists):
        yield f"`{condition.operator[:60]}` isn't a condition operator"
        return
    if condition.qualifier not in ("", "forallvalues", "foranyvalue"):
        yield f"`{condition.qualifier[:60]}` isn't a set qualifier; accepted: ForAllValues, ForAnyValue"
    fitting = fitting_families(condition.key)
    if fitting is None:
        yield f"there is no condition key `{condition.key[:80]}`"
    elif _CERTIFICATE.fullmatch(condition.key):
        yield f"IAM Roles Anywhere sends no tag `{condition.key[17:80]}`"
    elif family not in fitting and family not in ("null", "binary"):
        yield f"`{condition.operator}` doesn't fit `{condition.key[:80]}`; fitting: {', '.join(fitting)} operators"
    for value in condition.values:
        problem = _value_problem(condition.key, condition.operator, value)
        if "${" in value and (variable := unknown_variable(value)):
            yield f"the value of `{condition.key[:80]}` has the variable `{variable[:60]}`, which doesn't exist"
        elif problem:
            yield f"the value of `{condition.key[:80]}` {problem}"
        elif condition.operator in _EXACT and condition.key not in _FREE_TEXT and "*" in value.replace("${*}", ""):
            yield f"the value of `{condition.key[:80]}` has a star, which `{condition.operator}` takes for a letter"


@lru_cache(8192)
def fitting_families(key: str) -> tuple[str, ...] | None:
    """Return the operator families that fit a key (lower case), None if there is no such key."""
    prefix, separator, name = key.partition(":")
    if not separator or not name:
        return None
    if prefix == "aws":
        known = _GLOBAL.get(key) or _GLOBAL.get(key.partition("/")[0] + "/")
        return tuple(known.split()) if known and not key.endswith("/") else None
    service = knowledge.service(_BORROWED.get(key) or _BORROWED.get(prefix, prefix))
    if service is not None:
        found = _service_key(service, key)
        if found is not None:
            return tuple(_FITTING[_MISTYPED.get(key, found[0])].split())
    if prefix in _FEDERATED or _CLAIM.fullmatch(key):
        return ("string", "arn", "bool", "numeric", "date")
    return None


def unknown_variable(text: str) -> str:
    """Return the first policy variable in a text that no request fills, empty if there is none.

    >>> unknown_variable("${aws:username}/${aws:user_name}"), unknown_variable("${*}${aws:PrincipalTag/team, 'none'}")
    ('aws:user_name', '')
    """
    for name in resources.variables(text):
        if fitting_families(name.lower()) is None:
            return name
    return ""


def actions_with(service: knowledge.Service, key: str) -> int | None:
    """Return the actions of a service that are sent with one of its keys, None if it has no such key."""
    found = _service_key(service, key)
    return found and found[1]


def _service_key(service: knowledge.Service, key: str) -> tuple[str, int] | None:
    if key in service.keys:
        return service.keys[key]
    for known, found in service.keys.items():
        # Only keys with a variable part end with a mark, see `knowledge`.
        if known[-1] in ":/" and key.startswith(known) and len(key) > len(known):
            return found
    return None


_ACCOUNTS: Final = (r"\d{12}", "the number of an account, twelve digits")
_ORGANIZATION: Final = (r"o-[a-z0-9]+", "the id of an organization, o-...")
_FORMATS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    key: (re.compile(pattern), what)
    for keys, (pattern, what) in (
        ("aws:sourceaccount aws:principalaccount aws:resourceaccount aws:vpceaccount kms:calleraccount", _ACCOUNTS),
        ("s3:resourceaccount s3:dataaccesspointaccount", _ACCOUNTS),
        ("aws:principalorgid aws:resourceorgid aws:sourceorgid aws:vpceorgid", _ORGANIZATION),
        ("aws:sourcevpce", (r"vpce-[0-9a-z-]+", "the id of an endpoint, vpce-...")),
        ("aws:sourcevpc aws:ec2instancesourcevpc", (r"vpc-[0-9a-z-]+", "the id of a VPC, vpc-...")),
        ("aws:requestedregion", (resources.REGION, "a region such as eu-central-1")),
        (
            "kms:viaservice",
            (
                rf"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.{resources.REGION}\.amazonaws\.com(?:\.cn)?",
                "a service in a region such as s3.eu-central-1.amazonaws.com",
            ),
        ),
        (
            "saml:aud",
            (
                r"https://(?:[a-z0-9-]+\.)?signin\.(?:aws\.amazon\.com|amazonaws-us-gov\.com|amazonaws\.cn)/saml(?:/.+)?",
                "the address of AWS's sign-in, https://signin.aws.amazon.com/saml",
            ),
        ),
    )
    for key in keys.split()
}
"""Keys whose values have one form
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""

_ENUMERATED: Final[Mapping[str, Sequence[str]]] = {
    key: values.split()
    for key, values in {
        "aws:principaltype": "Account User FederatedUser AssumedRole Anonymous",
        "ec2:metadatahttptokens": "required optional",
        "ec2:tenancy": "default dedicated host",
        "elasticloadbalancing:scheme": "internal internet-facing",
        "kms:keyorigin": "AWS_KMS EXTERNAL AWS_CLOUDHSM EXTERNAL_KEY_STORE",
        "lambda:functionurlauthtype": "AWS_IAM NONE",
        "s3:authtype": "REST-HEADER REST-QUERY-STRING POST",
        "s3:signatureversion": "AWS AWS4-HMAC-SHA256 AWS4-ECDSA-P256-SHA256",
        "s3:x-amz-acl": "private public-read public-read-write aws-exec-read authenticated-read bucket-owner-read"
        " bucket-owner-full-control log-delivery-write",
        "s3:x-amz-server-side-encryption": "AES256 aws:kms aws:kms:dsse aws:fsx",
        "s3express:sessionmode": "ReadOnly ReadWrite",
    }.items()
}
"""Keys of which a service sends one of few values, by the page on its condition keys; case counts."""

_OF_SERVICES: Final = frozenset(
    ("iam:passedtoservice", "iam:awsservicename", "sts:awsservicename", "aws:principalservicename")
)
_CERTIFICATE: Final = re.compile(r"aws:principaltag/x509(?!(?:subject|issuer|san)/).*")
"""Tags that look like those of IAM Roles Anywhere and aren't
(https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html)."""


def _value_problem(key: str, operator: str, value: str) -> str:
    family = _FAMILIES[operator]
    if "${" in value:
        return ""
    if family == "bool" and value.lower() not in ("true", "false"):
        return "must be true or false"
    if family == "null" and value.lower() not in ("true", "false"):
        return "must be true or false"
    if family == "numeric" and not re.fullmatch(r"-?\d+(?:\.\d+)?", value, re.ASCII):
        return "must be a number"
    if family == "date" and not re.fullmatch(
        r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?)?)?|\d{5,}", value, re.ASCII
    ):
        return "must be a date such as 2030-01-31T00:00:00Z"
    if family == "ip" and not _is_network(value):
        return "must be an address or a network such as 192.0.2.0/24"
    if family == "arn" and not (value == "*" or value.startswith(("arn:", "*"))):
        return "must be an ARN"
    if key.endswith("arn") and family == "string" and not value.startswith(("arn:", "*")):
        return "must be an ARN"
    for is_wrong, what in _WRONG.get(key, ()):
        if is_wrong(value):
            return what
    if key == "aws:currenttime" and operator.startswith("dateless") and _is_over(value):
        return "lies in the past"
    if _OPEN_HOST.match(value):
        return "ends its host with a wildcard, so that it matches hosts of others"
    if patterns.wild(value):
        return ""
    if key in _OF_SERVICES:
        problem = principals.service_problem(value)
        return problem and f"names no service: {problem}"
    if key in _FORMATS and family != "null":
        pattern, what = _FORMATS[key]
        return "" if pattern.fullmatch(value) else f"must be {what}"
    if key in _ENUMERATED and family == "string" and not _is_one_of(value, _ENUMERATED[key], operator):
        return f"must be one of {', '.join(_ENUMERATED[key])}"
    return ""


def _is_one_of(value: str, accepted: Sequence[str], operator: str) -> bool:
    if operator.endswith("ignorecase"):
        return value.lower() in map(str.lower, accepted)
    return value in accepted


_OPEN_HOST: Final = re.compile(r"https?://[^/*?]+\*")


_PRIVATE: Final = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def _is_private(value: str) -> bool:
    network = ipaddress.ip_network(value, strict=False) if _is_network(value) else None
    return isinstance(network, ipaddress.IPv4Network) and any(map(network.subnet_of, _PRIVATE))


def _is_no_arn(value: str) -> bool:
    return bool(resources.problem(value)) or resources.is_misspelt(value)


def _is_over(date: str) -> bool:
    """Tell whether a date lies before the day on which the index was compiled: it's over, whenever the pack runs."""
    return "-" in date and date[:10] < knowledge.provenance(knowledge.ACTIONS)["compiled"]


_ARN_PROBLEM: Final = (_is_no_arn, "isn't an ARN that can exist")
_WRONG: Final[Mapping[str, Sequence[tuple[Callable[[str], bool], str]]]] = {
    "aws:principalarn": (
        _ARN_PROBLEM,
        (lambda value: ":assumed-role/" in value, "is a session's ARN, where the key holds its role's"),
        (
            lambda value: ":role/AWSReservedSSO_" in value,
            "lacks the path of IAM Identity Center's roles, `aws-reserved/sso.amazonaws.com/`",
        ),
    ),
    "aws:sourcearn": (_ARN_PROBLEM,),
    "aws:sourceip": (
        (
            _is_private,
            "is private, where the key is an address of the internet: `aws:VpcSourceIp` is a network's own",
        ),
    ),
    "aws:userid": (
        (
            lambda value: value.startswith("AROA") and ":" not in value and not patterns.wild(value),
            "lacks the name of the role's session, `:*`",
        ),
    ),
}
"""Key -> what its values can't be, and how that is said
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""


def _is_network(value: str) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True
