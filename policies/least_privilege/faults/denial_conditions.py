"""Conditions of a Deny: the requests that it blocks by mistake, and those that it lets through."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final

from policies.least_privilege.language import patterns
from policies.least_privilege.language.binding_keys import CALLER, is_network
from policies.least_privilege.language.conditions import Condition, Conditions

_EQUALS: Final = ("stringequals", "stringlike")
_SAFE: Final[Mapping[str, tuple[str | tuple[str, ...], str]]] = {
    "aws:securetransport": ("bool", "over TLS"),
    "aws:multifactorauthpresent": ("bool", "with MFA"),
    "aws:multifactorauthage": ("numericless", "with a recent MFA"),
    "aws:sourcevpce": (_EQUALS, "through the endpoint that it names"),
    "aws:sourcevpc": (_EQUALS, "from the VPC that it names"),
    "aws:principalorgid": (_EQUALS, "from the organization that it names"),
    "aws:principalorgpaths": (_EQUALS, "from the part of the organization that it names"),
    "s3:tlsversion": ("numericgreater", "with a new version of TLS"),
    "s3:signatureage": ("numericless", "with a fresh signature"),
    "glacier:archiveageindays": ("numericgreater", "for old archives"),
}
"""Key -> how the operators that select the safe requests begin, and a description of these requests."""

_SAFE_IN_TRUST: Final[Mapping[str, tuple[str | tuple[str, ...], str]]] = {
    **_SAFE,
    # Elsewhere such a denial may be a list of addresses to block.
    "aws:sourceip": ("ipaddress", "from the addresses that it names"),
}

_SAFE_WITH_KEY: Final[Mapping[str, str]] = {
    "s3:x-amz-server-side-encryption": "that are encrypted",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "that are encrypted with a key",
    "aws:multifactorauthage": "with MFA",
    "aws:multifactorauthpresent": "with MFA",
    "aws:sourcevpce": "through an endpoint",
    "aws:sourcevpc": "from a VPC",
}
"""Key -> a description of the requests that hold it; `Null` with false selects them."""

SERVICE_CALLS: Final = ("aws:principalisawsservice", "aws:viaawsservice")
"""Keys that identify requests of AWS's own services."""


def blocked_safe_requests(conditions: Conditions, in_trust: bool = False) -> str:
    """Describe the safe requests that a Deny blocks by mistake; empty if there are none."""
    if len(conditions) != 1:
        return ""
    [line] = conditions
    if line.operator == "null":
        return _SAFE_WITH_KEY.get(line.key, "") if line.requires_key else ""
    operator, requests = (_SAFE_IN_TRUST if in_trust else _SAFE).get(line.key, ("", ""))
    selected = line.is_flag("true") if operator == "bool" else bool(requests)
    return requests if selected and line.operator.startswith(operator) else ""


def blocks_services(conditions: Conditions) -> bool:
    """Tell whether a Deny blocks AWS's own services, which it should spare."""
    return any(line.key in SERVICE_CALLS and line.is_flag("true") for line in conditions)


def spares_services(conditions: Conditions) -> bool:
    """Tell whether a condition of a Deny is about AWS's own services."""
    return any(line.key in SERVICE_CALLS for line in conditions)


def excluded_entirely(conditions: Conditions) -> str:
    """Return the key for which a Deny spares every value, so that it blocks nothing; empty if there is none."""
    for line in conditions:
        spares_all = any(patterns.includes(value, "?*") or value == "0.0.0.0/0" for value in line.values)
        if line.negated and not line.qualifier and spares_all:
            return line.key
    return ""


def required_by_qualifier(conditions: Conditions) -> str:
    """Return the key that a request must hold to be blocked, because of `ForAnyValue`; empty if there is none."""
    return next(
        (line.key for line in conditions if line.negated and line.qualifier == "foranyvalue" and line.key in CALLER), ""
    )


def keeps_out(conditions: Conditions) -> bool:
    """Tell whether a Deny for everybody spares only callers of one network, endpoint, account or organization.

    Requests without the key are blocked, too. AWS's own services may be spared.
    """
    others = [line for line in conditions if line.key not in SERVICE_CALLS]
    return len(others) == 1 and others[0].negated and not others[0].qualifier and others[0].binds(CALLER)


def blocks_plain_http(conditions: Conditions) -> bool:
    """Tell whether a Deny blocks requests without TLS."""
    return any(conditions.flags("aws:securetransport", "false"))


def spares_access_keys(conditions: Conditions) -> bool:
    """Tell whether a Deny for requests without MFA spares those of access keys, which lack the key altogether
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, multifactorauthpresent).
    """
    return any(not line.if_exists for line in conditions.flags("aws:multifactorauthpresent", "false"))


def spare_nothing_together(one: Condition, other: Condition) -> bool:
    """Tell whether two lines of denials each spare some values of a key, and no value is spared by both."""
    if not one.negated or one.qualifier:
        return False
    if one.operator == "notipaddress":
        return not _networks_overlap(one.values, other.values)
    return not any(patterns.intersects(first, second) for first in one.values for second in other.values)


def _networks_overlap(some: Sequence[str], others: Sequence[str]) -> bool:
    """Tell whether two lists of networks share an address; True where that can't be decided."""
    if not (some and others):
        return False
    if not all(map(is_network, (*some, *others))):
        return True
    read = [ipaddress.ip_network(value, strict=False) for value in others]
    return any(
        network.version == other.version and network.overlaps(other)
        for network in (ipaddress.ip_network(value, strict=False) for value in some)
        for other in read
    )
