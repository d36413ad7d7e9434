"""Resources that can exist only once for their target: a second one is refused, or replaces the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rule, Scope, Severity, Stack

TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),
    "aws:ec2/natGateway:NatGateway": ("allocationId",),
    "aws:ec2/route:Route": ("routeTableId", "destinationCidrBlock"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("subnetId",),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("role", "policyArn"),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ("functionName", "eventSourceArn"),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": ("functionName",),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ("bucket",),
    "aws:s3/bucketNotification:BucketNotification": ("bucket",),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ("bucket",),
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket",),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("bucket",),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ("bucket",),
    "aws:s3/bucketVersioning:BucketVersioning": ("bucket",),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": ("name", "vpc"),
    "aws:servicediscovery/service:Service": ("name", "dnsConfig.namespaceId"),
    "aws:sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "cloudflare:index/ruleset:Ruleset": ("zoneId", "phase"),
    "cloudflare:index/zoneSetting:ZoneSetting": ("zoneId", "settingId"),
}
"""Resource type -> the properties that together name its target. Resources with a name of their own are judged by
`duplicate-name` of the naming pack, ports and priorities of listeners by `refused-between-resources` and quotas."""

_IDENTITIES: Final = ("arn", "bucket", "id", "name", "url")
"""Properties by which others refer to a resource."""


def _rivals(stack: Stack, _: Judgement) -> Iterator[Finding]:
    made = {resource.urn: resource for resource in stack}
    for type_, paths in TARGETS.items():
        before: list[tuple[Resource, list[frozenset[str]]]] = []
        # The engine promises no order. Sorting makes the rule always report the same one of two resources.
        for resource in sorted(stack.only(frozenset((type_,))), key=lambda one: one.urn):
            target = [_names(resource, path, made) for path in paths]
            for other, others in before:
                if all(mine & theirs for mine, theirs in zip(target, others, strict=True)):
                    named = " and ".join(f"`{path}`" for path in paths)
                    yield Finding(
                        f"{named} and those of {other.urn} name the same target, which can have only one.", resource.urn
                    )
            before.append((resource, target))


def _names(resource: Resource, path: str, made: Mapping[str, Resource]) -> frozenset[str]:
    """Return the names of a property's target: its text, or URNs and names of the resources that it comes from.

    A value that is unknown and comes from no resource has no names; `foreign-reference` of the inventory pack refuses
    it.
    """
    value = resource.get(path)
    if isinstance(value, str):
        return frozenset((value, value.rpartition(":")[2]))
    behind = [made[urn] for urn in resource.references.get(path.partition(".")[0], ()) if urn in made]
    called = {text for one in behind for name in _IDENTITIES if isinstance(text := one.get(name), str)}
    return frozenset((*called, *(one.urn for one in behind)))


RULES: Final = (
    Rule(
        id="rival-resources",
        title="A resource that can exist only once for its target is declared once.",
        remedy="Merge both into one resource: the later one is refused, or silently replaces the other.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html",
        severity=Severity.HIGH,
        check=_rivals,
        scope=Scope.STACK,
    ),
)
