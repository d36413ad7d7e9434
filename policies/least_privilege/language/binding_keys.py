"""Condition keys that limit a statement, and which of their values do.

A value that every request can have limits nothing, so each key comes with a check of its values.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from policies.least_privilege.language import patterns

Keys: TypeAlias = Mapping[str, Callable[[str], bool]]
"""Condition key in lower case -> check of its values. A key that ends with `/` stands for all keys that begin so."""

ACCOUNT: Final = re.compile(r"\d{12}")
_CALLER_ACCOUNTS: Final = frozenset(("${aws:principalaccount}", "${aws:resourceaccount}", "${aws:sourceaccount}"))


def is_literal(value: str) -> bool:
    """Tell whether a value is a text without wildcards, and not empty."""
    return bool(value) and not patterns.wild(value)


def is_specific(value: str) -> bool:
    """Tell whether a value is neither empty nor a pattern that matches everything."""
    return bool(value) and not patterns.includes(value, "?*")


def is_network(value: str) -> bool:
    """Tell whether a value is an IP address or a network."""
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return True


def is_account_arn(value: str) -> bool:
    """Tell whether a value is an ARN of one service and one account.

    A bucket's ARN names no account: once the bucket is deleted, anybody may take its name.
    """
    parts = value.split(":", 5)
    return len(parts) == 6 and is_literal(parts[2]) and is_literal(parts[4])


def _is_account(value: str) -> bool:
    return bool(ACCOUNT.fullmatch(value)) or value.lower() in _CALLER_ACCOUNTS


def _is_organization_path(value: str) -> bool:
    return value.startswith("o-") and is_literal(value.partition("/")[0])


def _is_small_network(value: str) -> bool:
    if not is_network(value):
        return False
    network = ipaddress.ip_network(value, strict=False)
    return network.prefixlen >= (8 if network.version == 4 else 16)


def _is_true(value: str) -> bool:
    return value.lower() == "true"


def _is_one_role(value: str) -> bool:
    return is_literal(value.partition(":")[0])


SOURCE: Final[Keys] = {
    "aws:sourceaccount": _is_account,
    "aws:sourcearn": is_account_arn,
    "aws:sourceorgid": is_literal,
    "aws:sourceorgpaths": _is_organization_path,
    # These services put the ARN of a function's log group or of a trail into the context, so it names the source.
    "kms:encryptioncontext:aws:logs:arn": is_account_arn,
    "kms:encryptioncontext:aws:cloudtrail:arn": is_account_arn,
    "kms:calleraccount": _is_account,
    "aws:sourceowner": _is_account,
    "sts:externalid": is_literal,
    "lambda:eventsourcetoken": is_literal,
    # True only where the service asks for the grant on behalf of somebody who may use the key.
    "kms:grantisforawsresource": _is_true,
}
"""Keys that tie a service's request to the account for which it acts
(https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html)."""

CALLER: Final[Keys] = {
    "aws:principalorgid": is_literal,
    "aws:principalorgpaths": _is_organization_path,
    "aws:principalaccount": _is_account,
    "aws:principalarn": is_account_arn,
    "aws:userid": _is_one_role,
    "aws:sourcevpce": is_literal,
    "aws:sourcevpc": is_literal,
    "aws:vpceaccount": _is_account,
    "aws:vpceorgid": is_literal,
    "aws:vpceorgpaths": _is_organization_path,
    "aws:sourceip": _is_small_network,
    "aws:sourceaccount": _is_account,
    "aws:sourcearn": is_account_arn,
    "aws:sourceorgid": is_literal,
    "aws:sourceorgpaths": _is_organization_path,
    "aws:sourceowner": _is_account,
    "kms:calleraccount": _is_account,
    "s3:dataaccesspointaccount": _is_account,
    "s3:dataaccesspointarn": is_account_arn,
    "lambda:eventsourcetoken": is_literal,
    "elasticfilesystem:accessedviamounttarget": _is_true,
}
"""Keys that limit who uses a statement with an open principal. AWS itself counts such a statement as not public
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html)."""

NAMED_OWNER: Final[Keys] = {
    key: check for key, check in CALLER.items() if key.endswith(("account", "orgid", "orgpaths", "owner", "arn"))
}
"""Keys whose values name the account or the organization of the caller. A network doesn't say whose it is, nor does a
role's unique id."""

IDENTITY: Final[Keys] = {key: check for key, check in CALLER.items() if key != "aws:sourceip"}
"""Keys that say who the caller is. An address doesn't: anybody may send from it."""

ORGANIZATION: Final[Keys] = {key: CALLER[key] for key in ("aws:principalorgid", "aws:principalorgpaths")}

PARTNER: Final[Keys] = {
    **ORGANIZATION,
    **{key: CALLER[key] for key in ("aws:principalarn", "aws:userid", "aws:sourcevpce")},
    "sts:externalid": is_literal,
    "aws:principaltag/": is_specific,
    "aws:multifactorauthpresent": _is_true,
}
"""Keys that make it safe to trust another account
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html)."""

TAGS: Final[Keys] = dict.fromkeys(("aws:resourcetag/", "aws:requesttag/", "aws:tagkeys"), is_specific)
"""Global keys that select resources."""

ABOUT_THE_REQUEST: Final = frozenset(
    """
        s3:authtype s3:signatureversion s3:signatureage s3:tlsversion s3:resourceaccount s3:x-amz-content-sha256
        s3:x-amz-acl s3:x-amz-storage-class s3:x-amz-server-side-encryption s3:max-keys s3:delimiter s3:versionid
        s3:objectcreationoperation s3:if-match s3:if-none-match s3:x-amz-metadata-directive
        s3:x-amz-object-ownership s3:locationconstraint ec2:region ec2:rolesessionname ec2:sourceinstancearn
        ec2:ebsoptimized ec2:tenancy kms:calleraccount kms:encryptionalgorithm kms:signingalgorithm kms:messagetype
        kms:bypasspolicylockoutsafetycheck kms:recipientattestation:imagesha384 iam:passedtoservice
        iam:associatedresourcearn iam:organizationspolicyid sts:rolesessionname sts:externalid sts:sourceidentity
        sts:durationseconds secretsmanager:versionstage secretsmanager:versionid secretsmanager:recoverywindowindays
        lambda:sourcefunctionarn lambda:vpcids lambda:principal lambda:functionurlauthtype dynamodb:select
        dynamodb:returnvalues dynamodb:returnconsumedcapacity dynamodb:enclosingoperation dynamodb:attributes
        ssm:recursive ssm:overwrite ssm:sessiondocumentaccesscheck sns:protocol sns:endpoint
        ecs:enable-execute-command ecs:enable-managed-tags ecs:compute-compatibility
    """.split()
)
"""Keys of services that describe how a request is made or who makes it, and not which resource it reaches."""


def value_check(key: str, keys: Keys) -> Callable[[str], bool] | None:
    """Return the check of a key's values, None if the key isn't among `keys`."""
    check = keys.get(key)
    if check is None and "/" in key:
        check = keys.get(key.partition("/")[0] + "/")
    return check
