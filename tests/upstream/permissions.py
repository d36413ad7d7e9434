"""What IAM checks before AWS carries out a call: actions, resources and condition keys.

An operation's action usually has the operation's name. The tables hold the exceptions, from the Service Authorization
Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)
and the pages named beside a row. The pack's own index knows which actions take a resource at all.
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
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ has a section "Permissions" on each operation's page.
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
        "GetBucketNotificationConfiguration": "GetBucketNotification",
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
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    },
    "cloudfront": {"CreateDistributionWithTags": "CreateDistribution"},
    "sts": {"GetCallerIdentity": ""},  # needs no permission
}
"""Service -> operation -> its action; empty if it needs none."""

_TAGGING: Final = {
    "acm": "AddTagsToCertificate",
    "ec2": "CreateTags",
    "elbv2": "AddTags",
    "rds": "AddTagsToResource",
    "sqs": "TagQueue",
    "ssm": "AddTagsToResource",
    "iam CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
    "iam CreatePolicy": "TagPolicy",
    "iam CreateRole": "TagRole",
}
"""Service, with the operation where needed -> action that a call also needs if it sets tags; default TagResource."""

_MADE: Final = "0" * 17
_ECS: Final = "arn:aws:ecs:{region}:{account}:"
_EC2: Final = "arn:aws:ec2:{region}:{account}:{kind}/"
_RDS: Final = "arn:aws:rds:{region}:{account}:"
_RESOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "acm": {"CertificateArn": "{}"},
    "cloudfront": {"Resource": "{}", "Id": "arn:aws:cloudfront::{account}:{kind}/{}"},
    "cloudwatch": {"ResourceARN": "{}", "AlarmNames": "arn:aws:cloudwatch:{region}:{account}:alarm:{}"},
    "ec2": {
        "GroupId": _EC2 + "{}",
        "GroupName": "arn:aws:ec2:{region}:{account}:security-group/sg-" + _MADE,
        "(Allocation|NatGateway|RouteTable|Vpc)Id": _EC2 + "{}",
        r"ResourceId\.\d+": _EC2 + "{}",
    },
    "ecs": {
        "resourceArn": "{}",
        "serviceDeploymentArns": "{}",
        "family": _ECS + "task-definition/{}:0",
        **dict.fromkeys(("service", "serviceName", "services"), _ECS + "service/{cluster}/{}"),
        **dict.fromkeys(("clusters", "cluster"), _ECS + "cluster/{}"),
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
    "lambda": {
        "Resource": "{}",
        "UUID": "arn:aws:lambda:{region}:{account}:event-source-mapping:{}",
        "FunctionName": "arn:aws:lambda:{region}:{account}:function:{}",
    },
    "logs": {
        "logGroupName": "arn:aws:logs:{region}:{account}:log-group:{}",
        "name": "arn:aws:logs:{region}:{account}:{kind}:{}",
        "resourceArn": "{}",
        "id": "arn:aws:logs:{region}:{account}:delivery:{}",
        "deliverySourceName": "arn:aws:logs:{region}:{account}:delivery-source:{}",
    },
    "rds": {
        "ResourceName": "{}",
        "DBInstanceIdentifier": _RDS + "db:{}",
        "DBClusterIdentifier": _RDS + "cluster:{}",
        "DBClusterParameterGroupName": _RDS + "cluster-pg:{}",
        "DBSubnetGroupName": _RDS + "subgrp:{}",
        "SnapshotIdentifier": _RDS + "cluster-snapshot:{}",
    },
    "s3": {"Bucket": "arn:aws:s3:::{}"},
    "secretsmanager": {
        "SecretId": "arn:aws:secretsmanager:{region}:{account}:secret:{}-AbCdEf",
        "Name": "arn:aws:secretsmanager:{region}:{account}:secret:{}-AbCdEf",
    },
    "servicediscovery": {"Id": "arn:aws:servicediscovery:{region}:{account}:{kind}/{}"},
    "sqs": {"QueueUrl": "arn:aws:sqs:{region}:{account}:{}"},
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
"""Service -> parameter (a pattern, for forms) -> ARN that it names; the first that a call has counts. What a call
creates has no id yet, so zeros stand for it."""

_KINDS: Final = (
    ("ResponseHeadersPolicy", "response-headers-policy"),
    ("Distribution", "distribution"),
    ("DeliverySource", "delivery-source"),
    ("DeliveryDestination", "delivery-destination"),
    ("LoadBalancer", "loadbalancer/app"),
    ("TargetGroup", "targetgroup"),
    ("IPSet", "ipset"),
    ("WebACL", "webacl"),
    ("Namespace", "namespace"),
    ("GetService", "service"),
)
"""End of an operation's name -> the corresponding part of its ARNs."""
_KINDS_OF_IDS: Final = {
    "eipalloc": "elastic-ip",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
}
"""Prefix of an EC2 id -> the corresponding part of its ARN."""
_UNNAMED: Final = {
    "AllocateAddress": "arn:aws:ec2:{region}:{account}:elastic-ip/eipalloc-" + _MADE,
    "CreateNatGateway": "arn:aws:ec2:{region}:{account}:natgateway/nat-" + _MADE,
    "DescribeGlobalClusters": "arn:aws:rds::{account}:global-cluster:any",
}
"""Operation -> the ARN that it needs, though none of its parameters names it."""


@dataclass(frozen=True)
class Request:
    """One question to IAM: may the caller do this, to that, with these condition keys?"""

    action: str
    resource: str
    context: Mapping[str, Any]


def needed(call: ApiCall) -> Iterator[Request]:
    """Yield every IAM request about a call. It looks up existing resources in moto, so it must run before the call."""
    prefix = _PREFIXES.get(call.service, call.service)
    name = _OTHERWISE.get(call.service, {}).get(call.operation, call.operation)
    if not name:
        return
    context = {f"aws:RequestTag/{key}": value for key, value in call.tags.items()}
    for resource in _resources(call) or ["*"]:
        yield _request(f"{prefix}:{name}", resource, context, call)
    yield from _further_requests(call, f"{prefix}:{name}", context)
    tagging = _TAGGING.get(f"{call.service} {call.operation}") or _TAGGING.get(call.service, "TagResource")
    if call.tags and call.service != "s3" and not name.startswith(("Tag", "Add", "CreateTags", "Remove", "DeleteTags")):
        made = _created_arn(call)
        made_by = {f"{prefix}:CreateAction": name} if call.service in ("ec2", "elbv2") else {}
        yield _request(f"{prefix}:{tagging}", made, {**context, **made_by}, call)
    yield from _requests_between_services(call)


def _further_requests(call: ApiCall, action: str, context: Mapping[str, Any]) -> Iterator[Request]:
    """Yield requests about further resources of a call: the network of a group, the rules that are changed."""
    own = f"arn:aws:{call.service}:{call.region}:{ACCOUNT}"
    further: list[str] = []
    if call.operation == "CreateSecurityGroup":
        further = [f"{own}:vpc/{vpc}" for vpc in call.values("VpcId")]
    if call.operation == "ModifySecurityGroupRules":
        rules = names(call, r"SecurityGroupRule\.\d+\.SecurityGroupRuleId")
        further = [f"{own}:security-group-rule/{rule}" for rule in rules]
    if call.operation == "CreateDelivery":
        further = [*call.values("deliveryDestinationArn"), f"{own}:delivery:{_MADE}"]
    if call.operation == "CreateNatGateway":
        further = [f"{own}:elastic-ip/{id_}" for id_ in call.values("AllocationId")]
        further += [f"{own}:subnet/{id_}" for id_ in call.values("SubnetId")]
    if call.service == "rds":
        # Every resource that a request names after the first: its cluster, subnet group, parameter group, snapshot.
        further = [arn for row in _RESOURCES["rds"] for arn in _named(call, row)][1:]
    for resource in further:
        yield _request(action, resource, context, call)


def _requests_between_services(call: ApiCall) -> Iterator[Request]:
    """Yield requests that one service makes to another.

    CloudFront: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-vended-logs-permissions-V2.html
    and https://docs.aws.amazon.com/waf/latest/developerguide/security_iam_service-with-iam.html.
    ECS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    Lambda: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
    """
    if call.operation == "PutDeliverySource":
        for arn in call.values("resourceArn"):
            yield _request("cloudfront:AllowVendedLogDeliveryForResource", arn, {}, call)
    for acl in call.values("WebACLId"):
        yield _request("wafv2:GetWebACL", acl, {}, call)
    if call.operation == "RegisterTaskDefinition":
        for role in (*call.values("executionRoleArn"), *call.values("taskRoleArn")):
            yield _request("iam:PassRole", role, {"iam:PassedToService": "ecs-tasks.amazonaws.com"}, call)
    if call.operation == "UpdateFunctionCode":
        for bucket, key in zip(call.values("S3Bucket"), call.values("S3Key"), strict=True):
            read = "GetObjectVersion" if call.values("S3ObjectVersion") else "GetObject"
            yield _request(f"s3:{read}", f"arn:aws:s3:::{bucket}/{key}", {}, call)


def _created_arn(call: ApiCall) -> str:
    """Return the ARN of the resource that a call creates, for its tags.

    Raises:
        LookupError: the ARN isn't known.
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
    if unnamed := _UNNAMED.get(call.operation):
        return [unnamed.format(account=ACCOUNT, region=call.region)]
    return next(filter(None, (_named(call, parameter) for parameter in _RESOURCES.get(call.service, {}))), [])


def _named(call: ApiCall, parameter: str) -> list[str]:
    """Return the ARNs that one of a call's parameters names, by its row of the table."""
    found = call.values(parameter) or list(names(call, parameter))
    return [_arn(value, _RESOURCES[call.service][parameter], call) for value in dict.fromkeys(found)]


def _arn(value: str, template: str, call: ApiCall) -> str:
    """Return the ARN of the resource that a parameter's value names."""
    text = value.removeprefix("https://") if call.service == "iam" else value
    if text.startswith("arn:"):
        secrets = get_backend("secretsmanager")[ACCOUNT][call.region].secrets
        # A call may give a part of a secret's ARN; IAM is asked about the whole ARN.
        kept = secrets.get(text) if call.service == "secretsmanager" else None
        return str(kept.arn) if kept else text
    kind = next((kind for end, kind in _KINDS if end in call.operation), "")
    if call.service == "ec2":
        kind = _KINDS_OF_IDS.get(text.partition("-")[0], "")
    if call.service == "sqs":
        text = text.rpartition("/")[2]
    cluster = str(call.parameters.get("cluster", "")).rpartition("/")[2]
    place = {"account": ACCOUNT, "region": call.region, "kind": kind, "path": _path(call), "cluster": cluster}
    return template.format(text, **place)


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
    """Return the tags of an existing resource, if permissions depend on the tags of its type."""
    _, _, service, region, _, rest = (*arn.split(":", 5), *[""] * 6)[:6]
    if service == "ec2":
        backend = get_backend("ec2")[ACCOUNT][region]
        return dict(backend.tags.get(rest.partition("/")[2], {}))
    if service == "acm" and rest:
        bundle = get_backend("acm")[ACCOUNT][region]._certificates.get(arn)
        return {key: value or "" for key, value in bundle.tags.items()} if bundle else {}
    if service == "cloudfront" and rest:
        return dict(get_backend("cloudfront")[ACCOUNT]["global"].tagger.get_tag_dict_for_resource(arn))
    if service == "servicediscovery" and rest:
        return dict(get_backend("servicediscovery")[ACCOUNT][region].tagger.get_tag_dict_for_resource(arn))
    if service == "lambda" and rest.startswith("event-source-mapping:"):
        mapping = get_backend("lambda")[ACCOUNT][region]._event_source_mappings.get(rest.partition(":")[2])
        return dict(mapping.tags) if mapping else {}
    return {}


def _boundary(arn: str) -> str:
    role = _role(arn.rpartition("/")[2]) if ":role/" in arn else None
    return (role.permissions_boundary_arn or "") if role else ""


def _path(call: ApiCall) -> str:
    """Return the path of the role or policy that a call names: the existing role's own, or the call's."""
    role = _role(str(call.parameters.get("RoleName")))
    return str(role.path if role else call.parameters.get("Path", "/"))


def _role(name: str) -> Any:  # noqa: ANN401 - moto's own class
    roles = get_backend("iam")[ACCOUNT]["global"].roles.values()
    return next((role for role in roles if role.name == name), None)
