"""Where resources hold policy documents, and what kind each is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from policies.least_privilege.documents import CURRENT, Kind
from policies.rulebook import UNKNOWN, Json, Resource


class Place(NamedTuple):
    """A property that holds a document. `service` is the prefix of what a resource policy is attached to."""

    path: str
    kind: Kind
    service: str = ""
    required: bool = True


def _policy_of(service: str, path: str = "policy", required: bool = True) -> tuple[Place, ...]:
    return (Place(path, Kind.RESOURCE, service, required),)


_IDENTITY: Final = (Place("policy", Kind.IDENTITY),)

PLACES: Final[Mapping[str, tuple[Place, ...]]] = {
    "aws:iam/role:Role": (
        Place("assumeRolePolicy", Kind.TRUST),
        # A list of {name, policy}; each entry's `policy` is a document.
        Place("inlinePolicies", Kind.IDENTITY, required=False),
    ),
    "aws:iam/rolePolicy:RolePolicy": _IDENTITY,
    "aws:iam/policy:Policy": _IDENTITY,
    "aws:iam/userPolicy:UserPolicy": _IDENTITY,
    "aws:iam/groupPolicy:GroupPolicy": _IDENTITY,
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": (Place("inlinePolicy", Kind.IDENTITY),),
    "aws:s3/bucketPolicy:BucketPolicy": _policy_of("s3"),
    "aws:s3/bucket:Bucket": _policy_of("s3", required=False),
    "aws:s3/bucketV2:BucketV2": _policy_of("s3", required=False),
    "aws:s3/accessPoint:AccessPoint": _policy_of("s3", required=False),
    "aws:s3control/accessPointPolicy:AccessPointPolicy": _policy_of("s3"),
    "aws:s3control/bucketPolicy:BucketPolicy": _policy_of("s3-outposts"),
    "aws:s3tables/tableBucketPolicy:TableBucketPolicy": _policy_of("s3tables", "resourcePolicy"),
    "aws:kms/key:Key": _policy_of("kms", required=False),
    "aws:kms/keyPolicy:KeyPolicy": _policy_of("kms"),
    "aws:kms/externalKey:ExternalKey": _policy_of("kms", required=False),
    "aws:kms/replicaKey:ReplicaKey": _policy_of("kms", required=False),
    "aws:kms/replicaExternalKey:ReplicaExternalKey": _policy_of("kms", required=False),
    "aws:secretsmanager/secret:Secret": _policy_of("secretsmanager", required=False),
    "aws:secretsmanager/secretPolicy:SecretPolicy": _policy_of("secretsmanager"),
    "aws:sqs/queue:Queue": _policy_of("sqs", required=False),
    "aws:sqs/queuePolicy:QueuePolicy": _policy_of("sqs"),
    "aws:sns/topic:Topic": _policy_of("sns", required=False),
    "aws:sns/topicPolicy:TopicPolicy": _policy_of("sns"),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": _policy_of("ecr"),
    "aws:ecr/registryPolicy:RegistryPolicy": _policy_of("ecr"),
    "aws:ecrpublic/repositoryPolicy:RepositoryPolicy": _policy_of("ecr-public"),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": _policy_of("ecr", "repositoryPolicy", False),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": _policy_of("elasticfilesystem"),
    "aws:dynamodb/resourcePolicy:ResourcePolicy": _policy_of("dynamodb"),
    "aws:backup/vaultPolicy:VaultPolicy": _policy_of("backup"),
    "aws:glue/resourcePolicy:ResourcePolicy": _policy_of("glue"),
    "aws:kinesis/resourcePolicy:ResourcePolicy": _policy_of("kinesis"),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _policy_of("logs", "policyDocument"),
    "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy": _policy_of("logs", "accessPolicy"),
    "aws:cloudwatch/logDeliveryDestinationPolicy:LogDeliveryDestinationPolicy": _policy_of(
        "logs", "deliveryDestinationPolicy"
    ),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": _policy_of("events"),
    "aws:opensearch/domain:Domain": _policy_of("es", "accessPolicies", False),
    "aws:opensearch/domainPolicy:DomainPolicy": _policy_of("es", "accessPolicies"),
    "aws:elasticsearch/domain:Domain": _policy_of("es", "accessPolicies", False),
    "aws:elasticsearch/domainPolicy:DomainPolicy": _policy_of("es", "accessPolicies"),
    "aws:apigateway/restApi:RestApi": _policy_of("execute-api", required=False),
    "aws:apigateway/restApiPolicy:RestApiPolicy": _policy_of("execute-api"),
    "aws:codebuild/resourcePolicy:ResourcePolicy": _policy_of("codebuild"),
    "aws:codeartifact/domainPermissionsPolicy:DomainPermissionsPolicy": _policy_of("codeartifact", "policyDocument"),
    "aws:codeartifact/repositoryPermissionsPolicy:RepositoryPermissionsPolicy": _policy_of(
        "codeartifact", "policyDocument"
    ),
    "aws:acmpca/policy:Policy": _policy_of("acm-pca"),
    "aws:ses/identityPolicy:IdentityPolicy": _policy_of("ses"),
    "aws:sesv2/emailIdentityPolicy:EmailIdentityPolicy": _policy_of("ses"),
    "aws:schemas/registryPolicy:RegistryPolicy": _policy_of("schemas"),
    "aws:msk/clusterPolicy:ClusterPolicy": _policy_of("kafka"),
    "aws:redshiftserverless/resourcePolicy:ResourcePolicy": _policy_of("redshift-serverless"),
    "aws:redshift/resourcePolicy:ResourcePolicy": _policy_of("redshift"),
    "aws:glacier/vault:Vault": _policy_of("glacier", "accessPolicy", False),
    "aws:mediastore/containerPolicy:ContainerPolicy": _policy_of("mediastore"),
    "aws:rolesanywhere/profile:Profile": (Place("sessionPolicy", Kind.BOUNDARY, required=False),),
    "aws:transfer/user:User": (Place("policy", Kind.BOUNDARY, required=False),),
    "aws:transfer/access:Access": (Place("policy", Kind.BOUNDARY, required=False),),
}
"""Resource type -> its documents. A session policy limits what a role has, as a boundary does."""

PERMISSION: Final = "aws:lambda/permission:Permission"
"""One statement of a function's policy, spread over properties."""

TYPES: Final = frozenset((*PLACES, PERMISSION))


class Attached(NamedTuple):
    """A document of a resource. `text` is None if it isn't known at preview."""

    path: str
    kind: Kind
    service: str
    text: str | None
    problem: str = ""
    """Why the property isn't a document at all."""


def documents(resource: Resource) -> Iterator[Attached]:
    """Yield the documents of a resource, in the order of its table."""
    if resource.type == PERMISSION:
        yield _permission(resource)
    for place in PLACES.get(resource.type, ()):
        if place.path == "inlinePolicies":
            yield from _inline(resource, place)
        else:
            value = resource.get(place.path)
            if value is not None or place.required:
                yield _document(place.path, place, value)


def _inline(resource: Resource, place: Place) -> Iterator[Attached]:
    entries = resource.get(place.path)
    if entries is None:
        return
    if not isinstance(entries, list):
        yield _document(place.path, place, UNKNOWN if entries is UNKNOWN else entries)
        return
    for index, entry in enumerate(entries):
        path = f"{place.path}.{index}.policy"
        # An entry without anything stands for "no inline policies but those listed".
        if entry != {}:
            yield _document(path, place, resource.get(path))


def _document(path: str, place: Place, value: Json) -> Attached:
    kind, service = place.kind, place.service
    if value is UNKNOWN:
        return Attached(path, kind, service, None)
    if isinstance(value, str):
        return Attached(path, kind, service, value)
    if value is None:
        return Attached(path, kind, service, "", "is missing")
    if isinstance(value, Mapping):
        # Some resources take a document as an object; what can't be written as JSON holds an unknown.
        try:
            return Attached(path, kind, service, json.dumps(value))
        except (TypeError, ValueError, RecursionError):
            return Attached(path, kind, service, None)
    return Attached(path, kind, service, "", "isn't a JSON text")


_SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "sourceArn": ("ArnLike", "aws:SourceArn"),
    "sourceAccount": ("StringEquals", "aws:SourceAccount"),
    "principalOrgId": ("StringEquals", "aws:PrincipalOrgID"),
    "functionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "eventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
}


def _permission(resource: Resource) -> Attached:
    """Write a permission as the statement that Lambda adds to the function's policy."""
    # Which function it is doesn't decide whom it lets in.
    given = {name: resource.get(name) for name in ("principal", "action", *_SOURCES) if resource.get(name) is not None}
    if any(value is UNKNOWN for value in given.values()):
        return Attached("principal", Kind.RESOURCE, "lambda", None)
    principal = given.get("principal")
    if not isinstance(principal, str) or not all(isinstance(value, str) for value in given.values()):
        return Attached("principal", Kind.RESOURCE, "lambda", "", "isn't a text")
    conditions: dict[str, dict[str, object]] = {}
    for name, (operator, key) in _SOURCES.items():
        if name in given:
            conditions.setdefault(operator, {})[key] = given[name]
    kind = "Service" if principal.endswith((".com", ".cn", ".internal")) else "AWS"
    statement = {
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {kind: principal},
        "Action": given.get("action"),
        "Condition": conditions,
    }
    return Attached("principal", Kind.RESOURCE, "lambda", json.dumps({"Version": CURRENT, "Statement": statement}))
