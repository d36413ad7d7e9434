"""Other entrances: every resource type that can answer the internet by itself, and what keeps it closed.

A test compares the table with the installed SDKs. They must have its types and properties, and it must have every
property of theirs that opens a resource to the public.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from policies.entry_points.kinds import CLASSIC_LOAD_BALANCER
from policies.rulebook import Finding, Json, Judgement, Resource, Rules, Severity

RULES: Final = Rules()

ALWAYS: Final = ""
"""Takes the place of a path for a type that can't be closed."""


@dataclass(frozen=True)
class Shut:
    """What keeps a type closed: the property at `path` is one of `values`.

    A `*` in the path stands for each item of a list. `default` is the provider's default for the property.
    """

    path: str
    values: tuple[Json, ...] = (False, "false")
    default: Json = False


def _always(types: str) -> Mapping[str, Shut]:
    return {type_: Shut(ALWAYS) for type_ in types.split()}


_PUBLICLY_ACCESSIBLE: Final = Shut("publiclyAccessible")

CLOSED: Final[Mapping[str, Shut]] = {
    # Machines and containers with a public address of their own. An instance takes its default from its subnet.
    "aws:ec2/instance:Instance": Shut("associatePublicIpAddress", default=None),
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": Shut("associatePublicIpAddress", default=None),
    "aws:ec2/launchConfiguration:LaunchConfiguration": Shut("associatePublicIpAddress", default=None),
    "aws:ec2/launchTemplate:LaunchTemplate": Shut("networkInterfaces.*.associatePublicIpAddress", default=None),
    "aws:ec2/spotFleetRequest:SpotFleetRequest": Shut("launchSpecifications.*.associatePublicIpAddress"),
    "aws:ec2/subnet:Subnet": Shut("mapPublicIpOnLaunch"),
    "aws:ec2/defaultSubnet:DefaultSubnet": Shut("mapPublicIpOnLaunch", default=True),
    "aws:ec2/eip:Eip": Shut("instance", (None,), None),
    "aws:ecs/service:Service": Shut("networkConfiguration.assignPublicIp"),
    "aws:ecs/taskSet:TaskSet": Shut("networkConfiguration.assignPublicIp"),
    "aws:cloudwatch/eventTarget:EventTarget": Shut("ecsTarget.networkConfiguration.assignPublicIp"),
    "aws:scheduler/schedule:Schedule": Shut("target.ecsParameters.networkConfiguration.assignPublicIp"),
    "aws:pipes/pipe:Pipe": Shut(
        "targetParameters.ecsTaskParameters.networkConfiguration.awsVpcConfiguration.assignPublicIp",
        ("DISABLED",),
        "DISABLED",
    ),
    "aws:drs/replicationConfigurationTemplate:ReplicationConfigurationTemplate": Shut("createPublicIp"),
    # Databases, brokers and clusters.
    "aws:rds/cluster:Cluster": _PUBLICLY_ACCESSIBLE,
    "aws:rds/clusterInstance:ClusterInstance": _PUBLICLY_ACCESSIBLE,
    "aws:rds/instance:Instance": _PUBLICLY_ACCESSIBLE,
    "aws:rds/shardGroup:ShardGroup": _PUBLICLY_ACCESSIBLE,
    "aws:neptune/clusterInstance:ClusterInstance": _PUBLICLY_ACCESSIBLE,
    "aws:neptunegraph/graph:Graph": Shut("publicConnectivity"),
    "aws:redshift/cluster:Cluster": _PUBLICLY_ACCESSIBLE,
    "aws:redshiftserverless/workgroup:Workgroup": _PUBLICLY_ACCESSIBLE,
    "aws:timestreaminfluxdb/dbCluster:DbCluster": _PUBLICLY_ACCESSIBLE,
    "aws:timestreaminfluxdb/dbInstance:DbInstance": _PUBLICLY_ACCESSIBLE,
    "aws:lightsail/database:Database": _PUBLICLY_ACCESSIBLE,
    "aws:dms/replicationInstance:ReplicationInstance": Shut("publiclyAccessible", default=True),
    "aws:dms/instanceProfile:InstanceProfile": Shut("publiclyAccessible", default=True),
    "aws:m2/environment:Environment": _PUBLICLY_ACCESSIBLE,
    "aws:mq/broker:Broker": _PUBLICLY_ACCESSIBLE,
    "aws:msk/cluster:Cluster": Shut(
        "brokerNodeGroupInfo.connectivityInfo.publicAccess.type", ("DISABLED",), "DISABLED"
    ),
    "aws:eks/cluster:Cluster": Shut("vpcConfig.endpointPublicAccess", default=True),
    "aws:mwaa/environment:Environment": Shut("webserverAccessMode", ("PRIVATE_ONLY",), "PRIVATE_ONLY"),
    "aws:sagemaker/notebookInstance:NotebookInstance": Shut("directInternetAccess", ("Disabled",), "Enabled"),
    # Functions, APIs and servers.
    "aws:lambda/functionUrl:FunctionUrl": Shut("authorizationType", ("AWS_IAM",), None),
    "aws:apigateway/restApi:RestApi": Shut("endpointConfiguration.types", ("PRIVATE",), "EDGE"),
    "aws:appsync/graphQLApi:GraphQLApi": Shut("visibility", ("PRIVATE",), "GLOBAL"),
    "aws:apprunner/service:Service": Shut(
        "networkConfiguration.ingressConfiguration.isPubliclyAccessible", default=True
    ),
    "aws:transfer/server:Server": Shut("endpointType", ("VPC", "VPC_ENDPOINT"), "PUBLIC"),
    **{type_: Shut("internal", (True,), False) for type_ in CLASSIC_LOAD_BALANCER},
    **_always(
        """
        aws:apigateway/domainName:DomainName
        aws:apigatewayv2/api:Api
        aws:apigatewayv2/domainName:DomainName
        aws:appsync/api:Api
        aws:appsync/domainName:DomainName
        aws:apprunner/customDomainAssociation:CustomDomainAssociation
        aws:amplify/app:App
        aws:elasticbeanstalk/environment:Environment
        aws:ec2/eipAssociation:EipAssociation
        aws:lightsail/instance:Instance
        aws:lightsail/containerService:ContainerService
        aws:lightsail/lb:Lb
        aws:lightsail/distribution:Distribution
        aws:lightsail/staticIp:StaticIp
        aws:lightsail/bucket:Bucket
        aws:globalaccelerator/accelerator:Accelerator
        aws:globalaccelerator/customRoutingAccelerator:CustomRoutingAccelerator
        aws:ec2clientvpn/endpoint:Endpoint
        aws:verifiedaccess/endpoint:Endpoint
        aws:grafana/workspace:Workspace
        aws:cloudfront/multitenantDistribution:MultitenantDistribution
        aws:cloudfront/distributionTenant:DistributionTenant
        aws:mailmanager/ingressPoint:IngressPoint
        """
    ),
    # Buckets as web sites, and ACLs that open them. Bucket policies are judged with all other policies.
    "aws:s3/bucketAcl:BucketAcl": Shut(
        "acl", ("private", "log-delivery-write", "bucket-owner-full-control"), "private"
    ),
    "aws:s3/bucketObject:BucketObject": Shut("acl", ("private", "bucket-owner-full-control"), "private"),
    "aws:s3/bucketObjectv2:BucketObjectv2": Shut("acl", ("private", "bucket-owner-full-control"), "private"),
    "aws:s3/objectCopy:ObjectCopy": Shut("acl", ("private", "bucket-owner-full-control"), "private"),
    "aws:s3/bucket:Bucket": Shut("acl", ("private", "log-delivery-write"), "private"),
    "aws:s3/bucketV2:BucketV2": Shut("acl", ("private", "log-delivery-write"), "private"),
    **_always(
        """
        aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration
        aws:s3/bucketWebsiteConfigurationV2:BucketWebsiteConfigurationV2
        """
    ),
    # Cloudflare serves these itself, or routes to them past the distributions.
    **_always(
        """
        cloudflare:index/tunnel:Tunnel
        cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared
        cloudflare:index/workersRoute:WorkersRoute
        cloudflare:index/workersCustomDomain:WorkersCustomDomain
        cloudflare:index/workerDomain:WorkerDomain
        cloudflare:index/workersScriptSubdomain:WorkersScriptSubdomain
        cloudflare:index/pagesProject:PagesProject
        cloudflare:index/pagesDomain:PagesDomain
        cloudflare:index/spectrumApplication:SpectrumApplication
        cloudflare:index/loadBalancer:LoadBalancer
        cloudflare:index/pageRule:PageRule
        cloudflare:index/snippetRules:SnippetRules
        cloudflare:index/cloudConnectorRules:CloudConnectorRules
        cloudflare:index/customHostname:CustomHostname
        cloudflare:index/r2CustomDomain:R2CustomDomain
        cloudflare:index/r2ManagedDomain:R2ManagedDomain
        cloudflare:index/web3Hostname:Web3Hostname
        """
    ),
}
"""Resource type -> what keeps it closed. The defaults are those in the provider's documentation."""

PRIVATE_BY_ABSENCE: Final[Mapping[str, str]] = {
    "aws:opensearch/domain:Domain": "vpcOptions",
    "aws:elasticsearch/domain:Domain": "vpcOptions",
    "aws:s3/accessPoint:AccessPoint": "vpcConfiguration",
}
"""Resource type -> property that keeps it private; without this property it answers the internet."""

BLOCKS: Final = frozenset(
    (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
    )
)
BLOCKED: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
"""Properties of these types that keep buckets closed."""


@RULES.resource(
    "another-entrance",
    title="Nothing but the distributions answers the internet.",
    remedy="Close it as the finding says, and route requests to it through the load balancer. If it must stay open, "
    "add a waiver.",
    source="https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html",
    severity=Severity.HIGH,
    types=frozenset(CLOSED) | frozenset(PRIVATE_BY_ABSENCE) | BLOCKS,
)
def _entrance(resource: Resource, _: Judgement) -> Iterator[Finding]:
    if resource.type in BLOCKS:
        for path in BLOCKED:
            if not resource.flag(path, default=False):
                yield Finding(f"`{path}` isn't true.")
    elif resource.type in PRIVATE_BY_ABSENCE:
        path = PRIVATE_BY_ABSENCE[resource.type]
        if not resource.mapping(path):
            yield Finding(f"`{path}` is missing, so it answers the internet.")
    elif (shut := CLOSED[resource.type]).path == ALWAYS:
        yield Finding("A resource of this type answers the internet by itself.")
    else:
        for path in _paths(resource, shut.path):
            value = resource.get(path, shut.default)
            values = value if isinstance(value, list) and value else [value]
            if not all(any(one is shutting or one == shutting for shutting in shut.values) for one in values):
                yield Finding(f"`{path}` isn't {_shown(shut.values)}, so it may answer the internet.")
    if resource.type.startswith("aws:s3/bucket:") and resource.get("website") is not None:
        yield Finding("`website` makes it a public web site.")


def _paths(resource: Resource, pattern: str) -> Iterator[str]:
    """Yield the paths that a pattern with at most one `*` stands for."""
    before, star, after = pattern.partition(".*.")
    if not star:
        yield pattern
        return
    for item in resource.parts(before):
        yield item.place(after)


def _shown(values: tuple[Json, ...]) -> str:
    known = [value for value in values if isinstance(value, str)] if len(values) > 1 else list(values)
    return " or ".join(
        "left out" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
        for value in known
    )
