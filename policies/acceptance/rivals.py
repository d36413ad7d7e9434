"""What AWS and Cloudflare keep once for something, made twice: the later one is refused, or takes the other's place."""

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
"""Resource type -> the properties that together name what it belongs to. What has a name of its own is judged by
`duplicate-name` of the naming pack; ports and priorities of listeners by `refused-between-resources` and quotas."""

_CALLED: Final = ("arn", "bucket", "id", "name", "url")
"""Properties by which others name a resource."""


def _rivals(stack: Stack, _: Judgement) -> Iterator[Finding]:
    made = {resource.urn: resource for resource in stack}
    for type_, paths in TARGETS.items():
        before: list[tuple[Resource, list[frozenset[str]]]] = []
        # The engine promises no order. Of two resources, it is always the same one that is reported.
        for resource in sorted(stack.only(frozenset((type_,))), key=lambda one: one.urn):
            target = [_names(resource, path, made) for path in paths]
            for other, others in before:
                if all(mine & theirs for mine, theirs in zip(target, others, strict=True)):
                    named = " and ".join(f"`{path}`" for path in paths)
                    yield Finding(f"Its {named} name what {other.urn} is about, and there can be one.", resource.urn)
            before.append((resource, target))


def _names(resource: Resource, path: str, made: Mapping[str, Resource]) -> frozenset[str]:
    """Return what a property names: its text, or the resources it comes from, by their URNs and what they are called.

    What is neither known nor comes from a resource has no name; `foreign-reference` of the inventory pack refuses it.
    """
    value = resource.get(path)
    if isinstance(value, str):
        return frozenset((value, value.rpartition(":")[2]))
    behind = [made[urn] for urn in resource.references.get(path.partition(".")[0], ()) if urn in made]
    called = {text for one in behind for name in _CALLED if isinstance(text := one.get(name), str)}
    return frozenset((*called, *(one.urn for one in behind)))


RULES: Final = (
    Rule(
        id="rival-resources",
        title="What AWS and Cloudflare keep once for something is made once.",
        remedy="Say what both of them say in one resource, and remove the other: the later one is refused, or replaces "
        "the other without a word.",
        source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html",
        severity=Severity.HIGH,
        check=_rivals,
        scope=Scope.STACK,
    ),
)
