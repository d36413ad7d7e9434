"""Which properties of resources hold policy documents, and of which kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from policies.least_privilege.language.documents import CURRENT, Kind
from policies.rulebook import UNKNOWN, Json, Resource


class Place(NamedTuple):
    """A property that holds a document. `service` is the prefix of the service that a resource policy belongs to."""

    path: str
    kind: Kind
    service: str = ""
    required: bool = True


def _resource_policy(service: str, path: str = "policy", *, required: bool = True) -> tuple[Place, ...]:
    return (Place(path, Kind.RESOURCE, service, required),)


_IDENTITY: Final = (Place("policy", Kind.IDENTITY),)

PLACES: Final[Mapping[str, tuple[Place, ...]]] = {
    "aws:iam/role:Role": (
        Place("assumeRolePolicy", Kind.TRUST),
        # A list of {name, policy}; the `policy` of each entry is a document.
        Place("inlinePolicies", Kind.IDENTITY, required=False),
    ),
    "aws:iam/rolePolicy:RolePolicy": _IDENTITY,
    "aws:iam/policy:Policy": _IDENTITY,
    "aws:iam/userPolicy:UserPolicy": _IDENTITY,
    "aws:iam/groupPolicy:GroupPolicy": _IDENTITY,
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": (Place("inlinePolicy", Kind.IDENTITY),),
    "aws:s3/bucketPolicy:BucketPolicy": _resource_policy("s3"),
    "aws:s3/bucket:Bucket": _resource_policy("s3", required=False),
    "aws:s3/bucketV2:BucketV2": _resource_policy("s3", required=False),
    "aws:s3/accessPoint:AccessPoint": _resource_policy("s3", required=False),
    "aws:s3control/accessPointPolicy:AccessPointPolicy": _resource_policy("s3"),
    "aws:s3control/bucketPolicy:BucketPolicy": _resource_policy("s3-outposts"),
    "aws:s3tables/tableBucketPolicy:TableBucketPolicy": _resource_policy("s3tables", "resourcePolicy"),
    "aws:kms/key:Key": _resource_policy("kms", required=False),
    "aws:kms/keyPolicy:KeyPolicy": _resource_policy("kms"),
    "aws:kms/externalKey:ExternalKey": _resource_policy("kms", required=False),
    "aws:kms/replicaKey:ReplicaKey": _resource_policy("kms", required=False),
    "aws:kms/replicaExternalKey:ReplicaExternalKey": _resource_policy("kms", required=False),
    "aws:secretsmanager/secret:Secret": _resource_policy("secretsmanager", required=False),
    "aws:secretsmanager/secretPolicy:SecretPolicy": _resource_policy("secretsmanager"),
    "aws:sqs/queue:Queue": _resource_policy("sqs", required=False),
    "aws:sqs/queuePolicy:QueuePolicy": _resource_policy("sqs"),
    "aws:sns/topic:Topic": _resource_policy("sns", required=False),
    "aws:sns/topicPolicy:TopicPolicy": _resource_policy("sns"),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": _resource_policy("ecr"),
    "aws:ecr/registryPolicy:RegistryPolicy": _resource_policy("ecr"),
    "aws:ecrpublic/repositoryPolicy:RepositoryPolicy": _resource_policy("ecr-public"),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": _resource_policy(
        "ecr", "repositoryPolicy", required=False
    ),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": _resource_policy("elasticfilesystem"),
    "aws:dynamodb/resourcePolicy:ResourcePolicy": _resource_policy("dynamodb"),
    "aws:backup/vaultPolicy:VaultPolicy": _resource_policy("backup"),
    "aws:glue/resourcePolicy:ResourcePolicy": _resource_policy("glue"),
    "aws:kinesis/resourcePolicy:ResourcePolicy": _resource_policy("kinesis"),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": _resource_policy("logs", "policyDocument"),
    "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy": _resource_policy("logs", "accessPolicy"),
    "aws:cloudwatch/logDeliveryDestinationPolicy:LogDeliveryDestinationPolicy": _resource_policy(
        "logs", "deliveryDestinationPolicy"
    ),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": _resource_policy("events"),
    "aws:opensearch/domain:Domain": _resource_policy("es", "accessPolicies", required=False),
    "aws:opensearch/domainPolicy:DomainPolicy": _resource_policy("es", "accessPolicies"),
    "aws:elasticsearch/domain:Domain": _resource_policy("es", "accessPolicies", required=False),
    "aws:elasticsearch/domainPolicy:DomainPolicy": _resource_policy("es", "accessPolicies"),
    "aws:apigateway/restApi:RestApi": _resource_policy("execute-api", required=False),
    "aws:apigateway/restApiPolicy:RestApiPolicy": _resource_policy("execute-api"),
    "aws:codebuild/resourcePolicy:ResourcePolicy": _resource_policy("codebuild"),
    "aws:codeartifact/domainPermissionsPolicy:DomainPermissionsPolicy": _resource_policy(
        "codeartifact", "policyDocument"
    ),
    "aws:codeartifact/repositoryPermissionsPolicy:RepositoryPermissionsPolicy": _resource_policy(
        "codeartifact", "policyDocument"
    ),
    "aws:acmpca/policy:Policy": _resource_policy("acm-pca"),
    "aws:ses/identityPolicy:IdentityPolicy": _resource_policy("ses"),
    "aws:sesv2/emailIdentityPolicy:EmailIdentityPolicy": _resource_policy("ses"),
    "aws:schemas/registryPolicy:RegistryPolicy": _resource_policy("schemas"),
    "aws:msk/clusterPolicy:ClusterPolicy": _resource_policy("kafka"),
    "aws:redshiftserverless/resourcePolicy:ResourcePolicy": _resource_policy("redshift-serverless"),
    "aws:redshift/resourcePolicy:ResourcePolicy": _resource_policy("redshift"),
    "aws:glacier/vault:Vault": _resource_policy("glacier", "accessPolicy", required=False),
    "aws:mediastore/containerPolicy:ContainerPolicy": _resource_policy("mediastore"),
    "aws:rolesanywhere/profile:Profile": (Place("sessionPolicy", Kind.BOUNDARY, required=False),),
    "aws:transfer/user:User": (Place("policy", Kind.BOUNDARY, required=False),),
    "aws:transfer/access:Access": (Place("policy", Kind.BOUNDARY, required=False),),
}
"""Resource type -> its documents. A session policy limits a role as a boundary does."""

PERMISSION: Final = "aws:lambda/permission:Permission"
"""One statement of a function's policy, written as properties."""

TYPES: Final = frozenset((*PLACES, PERMISSION))


class Attached(NamedTuple):
    """A document of a resource. `text` is None if a preview can't know it."""

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
        yield _document(place.path, place, entries)
        return
    for index, entry in enumerate(entries):
        path = f"{place.path}.{index}.policy"
        # An empty entry means that the role has no inline policies but those listed.
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
        # Some resources take a document as an object. If it can't be written as JSON, it holds an unknown value.
        try:
            return Attached(path, kind, service, json.dumps(value))
        except (TypeError, ValueError, RecursionError):
            return Attached(path, kind, service, None)
    return Attached(path, kind, service, "", "isn't a JSON text")


_CONDITIONS: Final[Mapping[str, tuple[str, str]]] = {
    "sourceArn": ("ArnLike", "aws:SourceArn"),
    "sourceAccount": ("StringEquals", "aws:SourceAccount"),
    "principalOrgId": ("StringEquals", "aws:PrincipalOrgID"),
    "functionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "eventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
}
"""Property of a permission -> the operator and key of the condition that Lambda makes of it."""


def _permission(resource: Resource) -> Attached:
    """Return a permission as the statement that Lambda adds to the function's policy."""
    # Who is let in doesn't depend on the name of the function.
    given = {
        name: resource.get(name) for name in ("principal", "action", *_CONDITIONS) if resource.get(name) is not None
    }
    if any(value is UNKNOWN for value in given.values()):
        return Attached("principal", Kind.RESOURCE, "lambda", None)
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    if len(texts) < len(given) or "principal" not in texts:
        return Attached("principal", Kind.RESOURCE, "lambda", "", "isn't a string")
    conditions: dict[str, dict[str, object]] = {}
    for name, (operator, key) in _CONDITIONS.items():
        if name in texts:
            conditions.setdefault(operator, {})[key] = texts[name]
    principal = texts["principal"]
    kind = "Service" if principal.endswith((".com", ".cn", ".internal")) else "AWS"
    statement = {
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {kind: principal},
        "Action": texts.get("action"),
        "Condition": conditions,
    }
    return Attached("principal", Kind.RESOURCE, "lambda", json.dumps({"Version": CURRENT, "Statement": statement}))
