"""Operators, keys and values of conditions that don't exist or don't fit each other."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from policies.least_privilege import knowledge
from policies.least_privilege.knowledge.condition_keys import fitting_families
from policies.least_privilege.language import patterns
from policies.least_privilege.language.binding_keys import is_network
from policies.least_privilege.language.conditions import FAMILIES, Condition, Conditions
from policies.least_privilege.meaning import principals, resources
from policies.rulebook.rule import written


def term_problems(conditions: Conditions) -> Iterator[tuple[Condition, str]]:
    """Yield each problem of the conditions, with the line that has it."""
    for line in conditions:
        for problem in _line_problems(line):
            yield line, problem


def unknown_variable(text: str) -> str:
    """Return the first policy variable in a text that no request fills, empty if there is none.

    >>> unknown_variable("${aws:username}/${aws:user_name}"), unknown_variable("${*}${aws:PrincipalTag/team, 'none'}")
    ('aws:user_name', '')
    """
    return next((name for name in resources.variables(text) if fitting_families(name.lower()) is None), "")


_EXACT: Final = frozenset(("stringequals", "stringequalsignorecase"))
_FREE_TEXT: Final = ("aws:referer", "aws:useragent")
"""Keys whose values may contain a literal star. Values of tags and names may not."""

_CERTIFICATE_TAG: Final = re.compile(r"aws:principaltag/x509(?!(?:subject|issuer|san)/).*")
"""Tags that look like those of IAM Roles Anywhere but aren't
(https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html)."""


def _line_problems(line: Condition) -> Iterator[str]:
    family = FAMILIES.get(line.operator)
    if family is None or (line.operator == "null" and line.if_exists):
        yield f"`{line.operator[:60]}` isn't a condition operator"
        return
    if line.qualifier not in ("", "forallvalues", "foranyvalue"):
        yield f"`{line.qualifier[:60]}` isn't a set qualifier; accepted: ForAllValues, ForAnyValue"
    key = f"`{line.key[:80]}`"
    fitting = fitting_families(line.key)
    if fitting is None:
        yield f"there is no condition key {key}"
    elif _CERTIFICATE_TAG.fullmatch(line.key):
        yield f"IAM Roles Anywhere sends no tag `{line.key[17:80]}`"
    elif family not in fitting and family not in ("null", "binary"):
        yield f"`{line.operator}` doesn't fit {key}, which takes {' or '.join(fitting)} operators"
    for value in line.values:
        if "${" in value and (variable := unknown_variable(value)):
            yield f"the value of {key} has the variable `{variable[:60]}`, which doesn't exist"
        elif problem := _value_problem(family, line.operator, line.key, value):
            yield f"the value of {key} {problem}"
        elif line.operator in _EXACT and line.key not in _FREE_TEXT and "*" in value.replace("${*}", ""):
            yield f"the value of {key} has a star, which `{line.operator}` takes literally"


_BOOLEAN: Final = (re.compile("true|false", re.ASCII | re.IGNORECASE).fullmatch, "must be true or false")
_FAMILY_FORMATS: Final[Mapping[str, tuple[Callable[[str], object], str]]] = {
    "bool": _BOOLEAN,
    "null": _BOOLEAN,
    "numeric": (re.compile(r"-?\d+(?:\.\d+)?", re.ASCII).fullmatch, "must be a number"),
    "date": (
        re.compile(
            r"\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?)?)?|\d{5,}", re.ASCII
        ).fullmatch,
        "must be a date such as 2030-01-31T00:00:00Z",
    ),
    "ip": (is_network, "must be an address or a network such as 192.0.2.0/24"),
    "arn": (re.compile(r"arn:|\*").match, "must be an ARN"),
}
"""Family of operators -> the check of a value, and what the message says if it fails."""

_OPEN_HOST: Final = re.compile(r"https?://[^/*?]+\*")
_SERVICE_NAMES: Final = frozenset(
    "iam:passedtoservice iam:awsservicename sts:awsservicename aws:principalservicename".split()
)


def _value_problem(family: str, operator: str, key: str, value: str) -> str:
    """Return what is wrong with a value, empty if nothing is."""
    if "${" in value:
        return ""
    fits, problem = _FAMILY_FORMATS.get(family, (bool, ""))
    if problem and not fits(value):
        return problem
    if key.endswith("arn") and family == "string" and not value.startswith(("arn:", "*")):
        return "must be an ARN"
    for is_wrong, problem in _WRONG_VALUES.get(key, ()):
        if is_wrong(value):
            return problem
    if key == "aws:currenttime" and operator.startswith("dateless") and _is_over(value):
        return "is in the past"
    if _OPEN_HOST.match(value):
        return "ends the host with a wildcard, so it also matches hosts of others"
    if patterns.wild(value):
        return ""
    if key in _SERVICE_NAMES:
        service_problem = principals.service_problem(value)
        return f"names no service: {written(service_problem)}" if service_problem else ""
    if key in _FORMATS and family != "null":
        pattern, form = _FORMATS[key]
        return "" if pattern.fullmatch(value) else f"must be {form}"
    if key in _ENUMERATED and family == "string" and not _is_among(value, _ENUMERATED[key], operator):
        return f"must be one of {', '.join(_ENUMERATED[key])}"
    return ""


def _is_among(value: str, accepted: Sequence[str], operator: str) -> bool:
    if operator.endswith("ignorecase"):
        return value.lower() in map(str.lower, accepted)
    return value in accepted


def _is_over(date: str) -> bool:
    """Tell whether a date is before the day on which the index was compiled: then it's past whenever the pack runs."""
    return "-" in date and date[:10] < knowledge.provenance(knowledge.ACTIONS)["compiled"]


_ACCOUNT: Final = (r"\d{12}", "an account number of twelve digits")
_ORGANIZATION: Final = (r"o-[a-z0-9]+", "the id of an organization, which begins with `o-`")
_FORMATS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    key: (re.compile(pattern), form)
    for keys, (pattern, form) in {
        "aws:sourceaccount aws:principalaccount aws:resourceaccount aws:vpceaccount kms:calleraccount": _ACCOUNT,
        "s3:resourceaccount s3:dataaccesspointaccount": _ACCOUNT,
        "aws:principalorgid aws:resourceorgid aws:sourceorgid aws:vpceorgid": _ORGANIZATION,
        "aws:sourcevpce": (r"vpce-[0-9a-z-]+", "the id of an endpoint, which begins with `vpce-`"),
        "aws:sourcevpc aws:ec2instancesourcevpc": (r"vpc-[0-9a-z-]+", "the id of a VPC, which begins with `vpc-`"),
        "aws:requestedregion": (resources.REGION, "a region such as eu-central-1"),
        "kms:viaservice": (
            rf"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.{resources.REGION}\.amazonaws\.com(?:\.cn)?",
            "a service in a region such as s3.eu-central-1.amazonaws.com",
        ),
        "saml:aud": (
            r"https://(?:[a-z0-9-]+\.)?signin\.(?:aws\.amazon\.com|amazonaws-us-gov\.com|amazonaws\.cn)/saml(?:/.+)?",
            "the address of AWS's sign-in, https://signin.aws.amazon.com/saml",
        ),
    }.items()
    for key in keys.split()
}
"""Key -> the one form of its values
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
"""Key -> all values that its service sends, according to the service's page on condition keys. Case matters."""


_PRIVATE: Final = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def _is_private(value: str) -> bool:
    network = ipaddress.ip_network(value, strict=False) if is_network(value) else None
    return isinstance(network, ipaddress.IPv4Network) and any(map(network.subnet_of, _PRIVATE))


def _is_impossible_arn(value: str) -> bool:
    return bool(resources.problem(value)) or resources.is_misspelt(value)


def _is_session_arn(value: str) -> bool:
    return ":assumed-role/" in value


def _lacks_sso_path(value: str) -> bool:
    return ":role/AWSReservedSSO_" in value


def _lacks_session_name(value: str) -> bool:
    return value.startswith("AROA") and ":" not in value and not patterns.wild(value)


_ARN_PROBLEM: Final = (_is_impossible_arn, "isn't an ARN that can exist")
_WRONG_VALUES: Final[Mapping[str, Sequence[tuple[Callable[[str], bool], str]]]] = {
    "aws:principalarn": (
        _ARN_PROBLEM,
        (_is_session_arn, "is the ARN of a session; the key holds the ARN of its role"),
        (_lacks_sso_path, "lacks the path of IAM Identity Center's roles, `aws-reserved/sso.amazonaws.com/`"),
    ),
    "aws:sourcearn": (_ARN_PROBLEM,),
    "aws:sourceip": (
        (_is_private, "is a private address; the key holds the public one, and `aws:VpcSourceIp` the private one"),
    ),
    "aws:userid": ((_lacks_session_name, "lacks the name of the role's session, `:*`"),),
}
"""Key -> values that it never has, and what the message says about them
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html)."""
