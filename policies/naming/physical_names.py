"""Which property holds the physical name of a resource that others refer to by name.

Properties and type tokens are those of the Pulumi AWS provider, version 7. Two tokens for the same resource have the
same kind (`aws:alb/...` and `aws:lb/...` are one resource under two names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class PhysicalName:
    """Where a type keeps its name.

    `kind` is the same for types that share a namespace. `prefix` is the property that makes AWS generate the rest of
    the name, empty if there is none. `within` lists the properties, besides the region, within which names are unique.
    """

    kind: str
    property: str = "name"
    prefix: str = ""
    within: tuple[str, ...] = ()


PHYSICAL_NAMES: Final[Mapping[str, PhysicalName]] = {
    "aws:secretsmanager/secret:Secret": PhysicalName("secret", prefix="namePrefix"),
    "aws:ssm/parameter:Parameter": PhysicalName("parameter"),
    "aws:iam/role:Role": PhysicalName("role", prefix="namePrefix"),
    "aws:iam/policy:Policy": PhysicalName("managed policy", prefix="namePrefix"),
    "aws:iam/rolePolicy:RolePolicy": PhysicalName("inline policy", prefix="namePrefix", within=("role",)),
    "aws:iam/instanceProfile:InstanceProfile": PhysicalName("instance profile", prefix="namePrefix"),
    "aws:s3/bucket:Bucket": PhysicalName("bucket", "bucket", "bucketPrefix"),
    "aws:s3/bucketV2:BucketV2": PhysicalName("bucket", "bucket", "bucketPrefix"),
    "aws:lb/loadBalancer:LoadBalancer": PhysicalName("load balancer", prefix="namePrefix"),
    "aws:alb/loadBalancer:LoadBalancer": PhysicalName("load balancer", prefix="namePrefix"),
    "aws:lb/targetGroup:TargetGroup": PhysicalName("target group", prefix="namePrefix"),
    "aws:alb/targetGroup:TargetGroup": PhysicalName("target group", prefix="namePrefix"),
    "aws:lb/trustStore:TrustStore": PhysicalName("trust store", prefix="namePrefix"),
    "aws:ec2/securityGroup:SecurityGroup": PhysicalName("security group", prefix="namePrefix", within=("vpcId",)),
    "aws:cloudwatch/logGroup:LogGroup": PhysicalName("log group", prefix="namePrefix"),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": PhysicalName("log delivery source"),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": PhysicalName("log delivery destination"),
    "aws:ecs/cluster:Cluster": PhysicalName("cluster"),
    "aws:ecs/service:Service": PhysicalName("service", within=("cluster",)),
    "aws:ecs/taskDefinition:TaskDefinition": PhysicalName("task definition", "family"),
    "aws:ecs/capacityProvider:CapacityProvider": PhysicalName("capacity provider"),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": PhysicalName("response headers policy"),
    "aws:cloudfront/cachePolicy:CachePolicy": PhysicalName("cache policy"),
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": PhysicalName("origin request policy"),
    "aws:cloudfront/originAccessControl:OriginAccessControl": PhysicalName("origin access control"),
    "aws:cloudfront/function:Function": PhysicalName("CloudFront function"),
    "aws:cloudfront/trustStore:TrustStore": PhysicalName("CloudFront trust store"),
    "aws:wafv2/webAcl:WebAcl": PhysicalName("web ACL", prefix="namePrefix", within=("scope",)),
    "aws:wafv2/ipSet:IpSet": PhysicalName("IP set", prefix="namePrefix", within=("scope",)),
    "aws:wafv2/ruleGroup:RuleGroup": PhysicalName("rule group", prefix="namePrefix", within=("scope",)),
    "aws:lambda/function:Function": PhysicalName("function"),
    "aws:dynamodb/table:Table": PhysicalName("table"),
    "aws:sns/topic:Topic": PhysicalName("topic", prefix="namePrefix"),
    "aws:sqs/queue:Queue": PhysicalName("queue", prefix="namePrefix"),
    "aws:rds/cluster:Cluster": PhysicalName("database cluster", "clusterIdentifier", "clusterIdentifierPrefix"),
    "aws:rds/clusterInstance:ClusterInstance": PhysicalName("database instance", "identifier", "identifierPrefix"),
    "aws:rds/instance:Instance": PhysicalName("database instance", "identifier", "identifierPrefix"),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": PhysicalName("database parameters", prefix="namePrefix"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": PhysicalName("alarm"),
    "aws:rds/subnetGroup:SubnetGroup": PhysicalName("database subnet group", prefix="namePrefix"),
}
"""Resource type -> where it keeps its name."""


def resource_types(*kinds: str) -> frozenset[str]:
    """Return the resource types of some kinds."""
    return frozenset(type_ for type_, name in PHYSICAL_NAMES.items() if name.kind in kinds)


def shown(name: str) -> str:
    """Return a name for a message: quoted, cut if it is too long to read, with control characters escaped."""
    # The inner f-string comes first, so that a secret shows no value.
    return f"`{f'{name[:80]}'.encode('unicode_escape').decode()}{'...' if len(name) > 80 else ''}`"
