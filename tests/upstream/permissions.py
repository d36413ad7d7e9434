"""What IAM asks before AWS carries out a call: actions, resources and condition keys.

An operation's action mostly has its name. The tables hold where that isn't so, from the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
and the pages named beside a row. Which actions take a resource at all is known to the pack's own index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from moto.backends import get_backend

from policies.least_privilege import knowledge
from tests.upstream.api_calls import ApiCall, names

ACCOUNT: Final = "123456789012"
"""The account that moto plays."""

_PREFIXES: Final = {"elbv2": "elasticloadbalancing"}
_OTHERWISE: Final[Mapping[str, Mapping[str, str]]] = {
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ has "Permissions" on each operation's page.
    "s3": {
        "DeleteBucketEncryption": "PutEncryptionConfiguration",
        "DeleteBucketLifecycle": "PutLifecycleConfiguration",
        "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
        "DeleteBucketTagging": "PutBucketTagging",
        "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
        "GetBucketCors": "GetBucketCORS",
        "GetBucketEncryption": "GetEncryptionConfiguration",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "GetBucketReplication": "GetReplicationConfiguration",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "HeadBucket": "ListBucket",
        "ListBuckets": "ListAllMyBuckets",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "ListObjectVersions": "ListBucketVersions",
        "PutBucketEncryption": "PutEncryptionConfiguration",
        "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    },
    "cloudfront": {"CreateDistributionWithTags": "CreateDistribution"},
    "sts": {"GetCallerIdentity": ""},  # needs no permission
}
"""Service -> operation -> its action; empty for none."""

_TAGGING: Final = {
    "acm": "AddTagsToCertificate",
    "ec2": "CreateTags",
    "elbv2": "AddTags",
    "ssm": "AddTagsToResource",
    "iam CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "iam CreatePolicy": "TagPolicy",
    "iam CreateRole": "TagRole",
}
"""Service, with the operation where it matters -> action that a call needs too if it sets tags; else TagResource."""

_MADE: Final = "0" * 17
_RESOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "acm": {"CertificateArn": "{}"},
    "cloudfront": {"Resource": "{}", "Id": "arn:aws:cloudfront::{account}:{kind}/{}"},
    "ec2": {
        "GroupId": "arn:aws:ec2:{region}:{account}:security-group/{}",
        "GroupName": "arn:aws:ec2:{region}:{account}:security-group/sg-" + _MADE,
        r"ResourceId\.\d+": "arn:aws:ec2:{region}:{account}:{kind}/{}",
    },
    "elbv2": {
        r"(Rule|ResourceArns|RulePriorities\.member\.\d+\.Rule).*Arn|ResourceArns\.member\.\d+": "{}",
        "(Rule|Listener|TargetGroup|LoadBalancer)Arn": "{}",
        "Name": "arn:aws:elasticloadbalancing:{region}:{account}:{kind}/{}/" + _MADE,
    },
    "iam": {
        "RoleName": "arn:aws:iam::{account}:role{path}{}",
        "PolicyArn": "{}",
        "PolicyName": "arn:aws:iam::{account}:policy{path}{}",
        "OpenIDConnectProviderArn": "{}",
        "Url": "arn:aws:iam::{account}:oidc-provider/{}",
    },
    "logs": {
        "name": "arn:aws:logs:{region}:{account}:{kind}:{}",
        "resourceArn": "{}",
        "id": "arn:aws:logs:{region}:{account}:delivery:{}",
        "deliverySourceName": "arn:aws:logs:{region}:{account}:delivery-source:{}",
    },
    "s3": {"Bucket": "arn:aws:s3:::{}"},
    "secretsmanager": {
        "SecretId": "arn:aws:secretsmanager:{region}:{account}:secret:{}-AbCdEf",
        "Name": "arn:aws:secretsmanager:{region}:{account}:secret:{}-AbCdEf",
    },
    "ssm": {
        "Name": "arn:aws:ssm:{region}:{account}:parameter{}",
        "Names": "arn:aws:ssm:{region}:{account}:parameter{}",
        "ResourceId": "arn:aws:ssm:{region}:{account}:parameter{}",
    },
    "wafv2": {
        "ResourceARN": "{}",
        "ARN": "{}",
        "Name": "arn:aws:wafv2:{region}:{account}:global/{kind}/{}/" + _MADE,
    },
}
"""Service -> parameter (a pattern, for forms) -> ARN that it names; the first that a call has counts. What a call makes
has no id yet, so zeros stand for it."""

_KINDS: Final = (
    ("ResponseHeadersPolicy", "response-headers-policy"),
    ("Distribution", "distribution"),
    ("DeliverySource", "delivery-source"),
    ("DeliveryDestination", "delivery-destination"),
    ("LoadBalancer", "loadbalancer/app"),
    ("TargetGroup", "targetgroup"),
    ("IPSet", "ipset"),
    ("WebACL", "webacl"),
)
"""What an operation's name ends in -> what its ARNs have for that."""


@dataclass(frozen=True)
class Request:
    """One question to IAM: may the caller do this, to that, with these condition keys?"""

    action: str
    resource: str
    context: Mapping[str, Any]


def needed(call: ApiCall) -> Iterator[Request]:
    """Yield all that IAM is asked about a call. What exists is looked up in moto, so this comes before the call."""
    prefix = _PREFIXES.get(call.service, call.service)
    name = _OTHERWISE.get(call.service, {}).get(call.operation, call.operation)
    if not name:
        return
    context = {f"aws:RequestTag/{key}": value for key, value in call.tags.items()}
    for resource in _resources(call) or ["*"]:
        yield _request(f"{prefix}:{name}", resource, context, call)
    yield from _besides(call, f"{prefix}:{name}", context)
    tagging = _TAGGING.get(f"{call.service} {call.operation}") or _TAGGING.get(call.service, "TagResource")
    if call.tags and call.service != "s3" and not name.startswith(("Tag", "Add", "CreateTags", "Remove", "DeleteTags")):
        made = _made(call)
        made_by = {f"{prefix}:CreateAction": name} if call.service in ("ec2", "elbv2") else {}
        yield _request(f"{prefix}:{tagging}", made, {**context, **made_by}, call)
    yield from _through(call)


def _besides(call: ApiCall, action: str, context: Mapping[str, Any]) -> Iterator[Request]:
    """Yield what is asked about further resources of a call: the network of a group, the rules that are changed."""
    own = f"arn:aws:{call.service}:{call.region}:{ACCOUNT}"
    further: list[str] = []
    if call.operation == "CreateSecurityGroup":
        further = [f"{own}:vpc/{vpc}" for vpc in call.values("VpcId")]
    if call.operation == "ModifySecurityGroupRules":
        rules = names(call, r"SecurityGroupRule\.\d+\.SecurityGroupRuleId")
        further = [f"{own}:security-group-rule/{rule}" for rule in rules]
    if call.operation == "CreateDelivery":
        further = [*call.values("deliveryDestinationArn"), f"{own}:delivery:{_MADE}"]
    for resource in further:
        yield _request(action, resource, context, call)


def _through(call: ApiCall) -> Iterator[Request]:
    """Yield what one service asks about another.

    CloudFront: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-vended-logs-permissions-V2.html
    and https://docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html.
    """
    if call.operation == "PutDeliverySource":
        for arn in call.values("resourceArn"):
            yield _request("cloudfront:AllowVendedLogDeliveryForResource", arn, {}, call)
    for acl in call.values("WebACLId"):
        yield _request("wafv2:GetWebACL", acl, {}, call)


def _made(call: ApiCall) -> str:
    """Return the ARN of what a call makes, for its tags.

    Raises:
        LookupError: it isn't known.
    """
    where = f"{_PREFIXES.get(call.service, call.service)}:{call.region}:{ACCOUNT}"
    if call.operation.startswith("Authorize"):
        return f"arn:aws:{where}:security-group-rule/sgr-{_MADE}"
    if call.operation in ("CreateRule", "CreateListener"):
        (parent,) = _resources(call)
        old, new = {"CreateRule": ("listener", "listener-rule"), "CreateListener": ("loadbalancer", "listener")}[
            call.operation
        ]
        return parent.replace(f":{old}/", f":{new}/", 1) + f"/{_MADE}"
    if call.operation == "CreateDelivery":
        return f"arn:aws:{where}:delivery:{_MADE}"
    unnamed = {
        "acm": f"arn:aws:{where}:certificate/{_MADE}",
        "cloudfront": f"arn:aws:cloudfront::{ACCOUNT}:distribution/E{_MADE}",
    }
    if made := unnamed.get(call.service) or next(iter(_resources(call)), ""):
        return made
    raise LookupError(f"what {call.service} {call.operation} makes")


def _resources(call: ApiCall) -> list[str]:
    kind = next((kind for end, kind in _KINDS if end in call.operation), "")
    for parameter, template in _RESOURCES.get(call.service, {}).items():
        found = call.values(parameter) or list(names(call, parameter))
        if not found:
            continue
        arns = []
        for value in dict.fromkeys(found):
            if call.service == "ec2" and parameter.startswith("ResourceId"):
                kind = "security-group-rule" if value.startswith("sgr-") else "security-group"
            text = value.removeprefix("https://") if call.service == "iam" else value
            whole = text.startswith("arn:")
            place = {"account": ACCOUNT, "region": call.region, "kind": kind, "path": _path(call)}
            arns.append(text if whole else template.format(text, **place))
        return arns
    return []


def _request(action: str, resource: str, context: Mapping[str, Any], call: ApiCall) -> Request:
    service, mask = knowledge.lookup(action.lower())
    if service is None or not mask:
        raise LookupError(f"no such action: {action}")
    existing = _existing_tags(resource)
    boundary = call.parameters.get("PermissionsBoundary") or _boundary(resource)
    more = {f"aws:ResourceTag/{key}": value for key, value in existing.items()}
    if action.startswith("iam:") and boundary:
        more["iam:PermissionsBoundary"] = boundary
    return Request(action, resource if service.typed & mask else "*", {**context, **more})


def _existing_tags(arn: str) -> dict[str, str]:
    """Return the tags of an existing resource of a kind whose tags permissions depend on."""
    _, _, service, region, _, rest = (*arn.split(":", 5), *[""] * 6)[:6]
    if service == "ec2" and rest.startswith("security-group"):
        backend = get_backend("ec2")[ACCOUNT][region]
        return dict(backend.tags.get(rest.partition("/")[2], {}))
    if service == "acm" and rest:
        bundle = get_backend("acm")[ACCOUNT][region]._certificates.get(arn)
        return {key: value or "" for key, value in bundle.tags.items()} if bundle else {}
    if service == "cloudfront" and rest:
        return dict(get_backend("cloudfront")[ACCOUNT]["global"].tagger.get_tag_dict_for_resource(arn))
    return {}


def _boundary(arn: str) -> str:
    role = _role(arn.rpartition("/")[2]) if ":role/" in arn else None
    return (role.permissions_boundary_arn or "") if role else ""


def _path(call: ApiCall) -> str:
    """Return the path of the role or policy that a call names: an existing role's own, or what the call says."""
    role = _role(str(call.parameters.get("RoleName")))
    return str(role.path if role else call.parameters.get("Path", "/"))


def _role(name: str) -> Any:  # noqa: ANN401 - moto's own class
    roles = get_backend("iam")[ACCOUNT]["global"].roles.values()
    return next((role for role in roles if role.name == name), None)
