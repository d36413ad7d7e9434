"""Calls that AWS refuses and moto doesn't: deleting what is in use, exceeding quotas, taking a used name.

Each row names the error as on the operation's page in AWS's API reference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree

from moto.backends import get_backend

from tests.upstream.api_calls import ApiCall
from tests.upstream.permissions import ACCOUNT

Distributions = Mapping[str, ElementTree.Element]
"""Id of a distribution -> its configuration."""


@dataclass(frozen=True)
class Refusal:
    """An error answered by AWS: its name, the HTTP status and a text."""

    code: str
    status: int
    message: str


def refusal(call: ApiCall, distributions: Distributions) -> Refusal | None:
    """Return why AWS would refuse a call, or None."""
    row = _ROWS.get(call.operation)
    return next((row[0] for reason in row[1](call, distributions) if reason), None) if row else None


def _backend(service: str, region: str = "global") -> Any:  # noqa: ANN401 - moto's backends share no type
    return get_backend(service)[ACCOUNT][region]  # type: ignore[call-overload]


def _used_policy(call: ApiCall, _: Distributions) -> Iterator[bool]:
    arn = call.parameters["PolicyArn"]
    yield bool(_backend("iam").get_policy(arn).attachment_count)
    yield any(role.permissions_boundary_arn == arn for role in _backend("iam").roles.values())


def _used_group(call: ApiCall, _: Distributions) -> Iterator[bool]:
    id_ = call.parameters.get("GroupId", "")
    yield any(id_ in one.security_groups for one in _backend("elbv2", call.region).load_balancers.values())


def _used_headers_policy(call: ApiCall, distributions: Distributions) -> Iterator[bool]:
    used = (each.findtext(".//{*}ResponseHeadersPolicyId") for each in distributions.values())
    yield call.parameters["Id"] in used


def _used_certificate(call: ApiCall, distributions: Distributions) -> Iterator[bool]:
    arn = call.parameters["CertificateArn"]
    yield arn in (each.findtext(".//{*}ACMCertificateArn") for each in distributions.values())
    for balancer in _backend("elbv2", call.region).load_balancers.values():
        yield any(arn in (one.certificate, *one.certificates) for one in balancer.listeners.values())


def _used_web_acl(call: ApiCall, distributions: Distributions) -> Iterator[bool]:
    id_ = call.parameters["Id"]
    yield any(f"/{id_}" in (each.findtext(".//{*}WebACLId") or "") for each in distributions.values())


def _used_ip_set(call: ApiCall, _: Distributions) -> Iterator[bool]:
    acls = _backend("wafv2").wacls.values()
    yield any(f"/{call.parameters['Id']}" in json.dumps(acl.rules, default=str) for acl in acls)


def _protected_balancer(call: ApiCall, _: Distributions) -> Iterator[bool]:
    balancer = _backend("elbv2", call.region).load_balancers.get(call.parameters["LoadBalancerArn"])
    yield balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true"


def _enabled_distribution(call: ApiCall, distributions: Distributions) -> Iterator[bool]:
    found = distributions.get(call.parameters["Id"])
    yield found is not None and found.findtext("{*}Enabled") == "true"


def _taken_alias(call: ApiCall, distributions: Distributions) -> Iterator[bool]:
    own = _aliases(call.document) if call.document is not None else set()
    yield any(own & _aliases(other) for id_, other in distributions.items() if id_ != call.parameters.get("Id"))


def _aliases(configuration: ElementTree.Element) -> set[str | None]:
    return {alias.text for alias in configuration.iterfind(".//{*}Aliases//{*}CNAME")}


def _size(document: str) -> int:
    return len("".join(document.split()))


def _inline_quota(call: ApiCall, _: Distributions) -> Iterator[bool]:
    role = next((one for one in _backend("iam").roles.values() if one.name == call.parameters["RoleName"]), None)
    others = dict(role.policies) if role else {}
    documents = {**others, call.parameters["PolicyName"]: call.parameters["PolicyDocument"]}
    yield sum(map(_size, documents.values())) > 10240


def _managed_quota(call: ApiCall, _: Distributions) -> Iterator[bool]:
    yield _size(call.parameters["PolicyDocument"]) > 6144


def _attachment_quota(call: ApiCall, _: Distributions) -> Iterator[bool]:
    role = next((one for one in _backend("iam").roles.values() if one.name == call.parameters["RoleName"]), None)
    yield role is not None and len({*role.managed_policies, call.parameters["PolicyArn"]}) > 10


_TAKEN: Final = Refusal("CNAMEAlreadyExists", 409, "a name is another distribution's")
_TOO_LARGE: Final = Refusal("LimitExceeded", 409, "Cannot exceed quota for PolicySize: 6144")
_WAF: Final = Refusal("WAFAssociatedItemException", 400, "it is in use")
_ROWS: Final[Mapping[str, tuple[Refusal, Callable[[ApiCall, Distributions], Iterator[bool]]]]] = {
    "AttachRolePolicy": (
        Refusal("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerRole: 10"),
        _attachment_quota,
    ),
    "CreateDistribution": (_TAKEN, _taken_alias),
    "CreateDistributionWithTags": (_TAKEN, _taken_alias),
    "CreatePolicy": (_TOO_LARGE, _managed_quota),
    "CreatePolicyVersion": (_TOO_LARGE, _managed_quota),
    "DeleteCertificate": (Refusal("ResourceInUseException", 400, "it is in use"), _used_certificate),
    "DeleteDistribution": (Refusal("DistributionNotDisabled", 409, "it is enabled"), _enabled_distribution),
    "DeleteIPSet": (_WAF, _used_ip_set),
    "DeleteLoadBalancer": (Refusal("OperationNotPermitted", 400, "it is protected"), _protected_balancer),
    "DeletePolicy": (Refusal("DeleteConflict", 409, "it is attached to entities"), _used_policy),
    "DeleteResponseHeadersPolicy": (Refusal("ResponseHeadersPolicyInUse", 409, "it is in use"), _used_headers_policy),
    "DeleteSecurityGroup": (Refusal("DependencyViolation", 400, "it has a dependent object"), _used_group),
    "DeleteWebACL": (_WAF, _used_web_acl),
    "PutRolePolicy": (Refusal("LimitExceeded", 409, "Maximum policy size of 10240 bytes exceeded"), _inline_quota),
    "UpdateDistribution": (_TAKEN, _taken_alias),
}
"""Operation -> the error, and the checks that cause it: any true result does."""
