"""Which condition keys exist, which operators fit them, and which actions are sent with them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html for global keys, the
service authorization reference (see the package) for keys of services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from policies.least_privilege import knowledge

_GLOBAL: Final[Mapping[str, tuple[str, ...]]] = {
    f"aws:{key}": tuple(families.split())
    for families, keys in {
        "string": """
            calledvia calledviafirst calledvialast ec2instancesourcevpc principalaccount principalorgid
            principalorgpaths principalservicename principalservicenameslist principaltype referer requestedregion
            resourceaccount resourceorgid resourceorgpaths sourceaccount sourceidentity sourceorgid sourceorgpaths
            sourceowner sourcevpc sourcevpce tagkeys useragent userid username vpceaccount vpceorgid vpceorgpaths
        """,
        "bool": """
            assumedroot ismcpserviceaction multifactorauthpresent principalisawsservice securetransport viaawsmcpservice
            viaawsservice
        """,
        "arn": "chatbotsourcearn",
        "arn string": "principalarn signinsessionarn sourcearn sourcevpcarn",
        "string arn": "federatedprovider",
        "date": "currenttime tokenissuetime",
        "date numeric": "epochtime",
        "numeric": "multifactorauthage",
        "ip": "ec2instancesourceprivateipv4 sourceip vpcsourceip",
        "string numeric bool date arn": "principaltag/ requesttag/ resourcetag/",
    }.items()
    for key in keys.split()
}
"""Global key -> the families of operators that fit it."""

_FITTING: Final[Mapping[str, tuple[str, ...]]] = {
    "String": ("string", "arn"),
    "ArrayOfString": ("string", "arn"),
    "ARN": ("arn", "string"),
    "ArrayOfARN": ("arn", "string"),
    "Bool": ("bool", "string"),
    "ArrayOfBool": ("bool", "string"),
    "Numeric": ("numeric",),
    "Date": ("date", "numeric"),
    "IPAddress": ("ip",),
}
"""Type of a service's key -> the families of operators that can match it. A text may hold a number or a boolean, but a
text operator never matches a key that the service declares as a number."""

_MISTYPED: Final = {"glacier:archiveageindays": "Numeric"}
"""Keys whose type is wrong in the reference
(https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-lock-policy.html)."""

_BORROWED: Final[Mapping[str, str]] = {
    "catalog": "aws-marketplace",
    "cognito-identity-auth": "cognito-identity",
    "cognito-identity-unauth": "cognito-identity",
    "identitycenter": "sso",
    "ec2:osuser": "ec2-instance-connect",
    "iot:jobid": "iotjobsdata",
    "identitystore:groupid": "qbusiness",
}
"""Condition key, or prefix of keys -> the service under which the reference lists it."""

_FEDERATED: Final = frozenset(("accounts.google.com", "graph.facebook.com", "www.amazon.com", "saml"))
_CLAIM: Final = re.compile(r"[a-z0-9.-]+\.[a-z]{2,}(?:/[^:]*)?(?::\d+[^:]*)?:.+")
"""A claim of a token as a condition key: the issuer (host, path, port), a colon, the claim's name."""


@lru_cache(8192)
def fitting_families(key: str) -> tuple[str, ...] | None:
    """Return the families of operators that fit a key (lower case), None if there is no such key."""
    prefix, separator, name = key.partition(":")
    if not separator or not name:
        return None
    if prefix == "aws":
        return None if key.endswith("/") else _GLOBAL.get(key) or _GLOBAL.get(key.partition("/")[0] + "/")
    service = knowledge.service(_BORROWED.get(key) or _BORROWED.get(prefix, prefix))
    entry = _entry(service, key) if service else None
    if entry is not None:
        return _FITTING[_MISTYPED.get(key, entry[0])]
    if prefix in _FEDERATED or _CLAIM.fullmatch(key):
        return ("string", "arn", "bool", "numeric", "date")
    return None


def holds_list(key: str) -> bool:
    """Tell whether a key of a service holds a list."""
    service = knowledge.service(key.partition(":")[0])
    entry = _entry(service, key) if service else None
    return entry is not None and entry[0].startswith("ArrayOf")


def actions_sent_with(service: knowledge.Service, key: str) -> int | None:
    """Return the mask of a service's actions that are sent with a key, None if it has no such key."""
    entry = _entry(service, key)
    return entry and entry[1]


def _entry(service: knowledge.Service, key: str) -> tuple[str, int] | None:
    """Return the type of a service's key and the mask of the actions that are sent with it."""
    if key in service.keys:
        return service.keys[key]
    for known in service.open_keys:
        if key.startswith(known) and len(key) > len(known):
            return service.keys[known]
    return None
