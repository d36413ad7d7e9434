"""Maps types of pulumi-aws to names in the Terraform AWS provider, and lists the inputs that have another shape there.

The dynamic bridge serves a Terraform provider under its own names; pulumi-aws maps the same provider by hand. The rule
below covers most types, the tables hold the exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_OTHERWISE: Final[Mapping[str, str]] = {
    "aws:cloudcontrol/resource:Resource": "aws_cloudcontrolapi_resource",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "aws_iam_openid_connect_provider",
    "aws:lb/loadBalancer:LoadBalancer": "aws_lb",
    "aws:rds/subnetGroup:SubnetGroup": "aws_db_subnet_group",
    "aws:secretsmanager/getSecret:getSecret": "aws_secretsmanager_secret",
    "aws:secretsmanager/getSecretVersion:getSecretVersion": "aws_secretsmanager_secret_version",
    "aws:wafv2/ipSet:IpSet": "aws_wafv2_ip_set",
}
_SERVICES: Final[Mapping[str, str]] = {"ec2": "", "servicediscovery": "service_discovery_"}
"""Service in pulumi-aws -> its part of Terraform's names."""

SINGLE: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": ("", ("deliveryDestinationConfiguration",)),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        "rules",
        ("abortIncompleteMultipartUpload", "expiration", "filter", "noncurrentVersionExpiration"),
    ),
}
"""Type -> inputs that are one object in pulumi-aws and a list of at most one item in the bridge, which adds an `s` to
their names. First comes the list whose objects have these inputs; it is empty if the resource itself has them."""

RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"name": "alarmName"},
    "aws:lambda/function:Function": {"name": "functionName"},
}
"""Type -> input -> the bridge's name for it, where pulumi-aws has another name."""

NEWER_VALUES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "aws:cloudfront/distribution:Distribution": {
        "viewerCertificate.minimumProtocolVersion": ("TLSv1.2_2025", "TLSv1.2_2021")
    },
}
"""Type -> path -> a value that the 5.x provider doesn't know yet, and the older value that it gets instead."""


def terraform_name(token: str) -> str:
    """Return the name of a resource type or data source in Terraform.

    >>> terraform_name("aws:iam/rolePolicy:RolePolicy"), terraform_name("aws:vpc/securityGroupIngressRule:X")
    ('aws_iam_role_policy', 'aws_vpc_security_group_ingress_rule')
    """
    if token in _OTHERWISE:
        return _OTHERWISE[token]
    service, _, name = token.split(":")[1].partition("/")
    return f"aws_{_SERVICES.get(service, f'{service}_')}{re.sub('(?=[A-Z])', '_', name).lower()}"


def bridge_token(token: str) -> str:
    """Return the dynamic bridge's token of a resource type or data source of pulumi-aws.

    >>> bridge_token("aws:lb/loadBalancer:LoadBalancer"), bridge_token("aws:secretsmanager/getSecret:getSecret")
    ('aws:index/lb:Lb', 'aws:index/getSecretsmanagerSecret:getSecretsmanagerSecret')
    """
    words = terraform_name(token).removeprefix("aws_").split("_")
    capital = "".join(word[0].upper() + word[1:] for word in words)
    if "/get" in token:
        return f"aws:index/get{capital}:get{capital}"
    return f"aws:index/{capital[0].lower()}{capital[1:]}:{capital}"


def type_of(urn: str) -> str:
    """Return the type of the resource that a URN names, without the types of its parents."""
    return urn.split("::")[2].rpartition("$")[2]


def bridge_urn(urn: str) -> str:
    """Return a URN with the bridge's token in place of the resource's own type."""
    stack, project, types, name = urn.split("::", 3)
    parents = types.removesuffix(type_of(urn))
    return "::".join((stack, project, parents + bridge_token(type_of(urn)), name))
