"""Turns a CloudFormation or SAM template into the resources that the pack judges.

The types and their properties are those of
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from policies.check.bad_input import BadInput
from policies.check.source import ACCOUNT, Source, Steps, Subject, make
from policies.check.template_values import Values
from policies.least_privilege.knowledge import managed_policy
from policies.rulebook import UNKNOWN, Json

Places: TypeAlias = Mapping[str, Steps]

_ROLE: Final = "aws:iam/role:Role"


class _Type(NamedTuple):
    """The pack's name of a type, and the properties that matter: CloudFormation's path -> the pack's."""

    type: str
    properties: Mapping[str, str]
    only_with: str = ""
    """If set, a resource without this property isn't judged."""


def _policy(type_: str, path: str = "PolicyDocument", property_: str = "policy") -> _Type:
    return _Type(type_, {path: property_}, path)


_TYPES: Final[Mapping[str, _Type]] = {
    "AWS::IAM::Role": _Type(
        _ROLE,
        {
            "AssumeRolePolicyDocument": "assumeRolePolicy",
            "ManagedPolicyArns": "managedPolicyArns",
            "PermissionsBoundary": "permissionsBoundary",
        },
    ),
    "AWS::IAM::ManagedPolicy": _Type("aws:iam/policy:Policy", {"PolicyDocument": "policy", "Path": "path"}),
    "AWS::IAM::RolePolicy": _Type("aws:iam/rolePolicy:RolePolicy", {"PolicyDocument": "policy", "RoleName": "role"}),
    "AWS::IAM::UserPolicy": _Type("aws:iam/userPolicy:UserPolicy", {"PolicyDocument": "policy", "UserName": "user"}),
    "AWS::IAM::GroupPolicy": _Type(
        "aws:iam/groupPolicy:GroupPolicy", {"PolicyDocument": "policy", "GroupName": "group"}
    ),
    "AWS::IAM::User": _Type("aws:iam/user:User", {}),
    "AWS::IAM::Group": _Type("aws:iam/group:Group", {}),
    "AWS::IAM::AccessKey": _Type("aws:iam/accessKey:AccessKey", {}),
    "AWS::SSO::PermissionSet": _policy(
        "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy", "InlinePolicy", "inlinePolicy"
    ),
    "AWS::S3::BucketPolicy": _policy("aws:s3/bucketPolicy:BucketPolicy"),
    "AWS::S3::AccessPoint": _policy("aws:s3/accessPoint:AccessPoint", "Policy"),
    "AWS::S3Outposts::BucketPolicy": _policy("aws:s3control/bucketPolicy:BucketPolicy"),
    "AWS::S3Tables::TableBucketPolicy": _policy(
        "aws:s3tables/tableBucketPolicy:TableBucketPolicy", "ResourcePolicy", "resourcePolicy"
    ),
    "AWS::KMS::Key": _policy("aws:kms/key:Key", "KeyPolicy"),
    "AWS::KMS::ReplicaKey": _policy("aws:kms/replicaKey:ReplicaKey", "KeyPolicy"),
    "AWS::SecretsManager::ResourcePolicy": _policy("aws:secretsmanager/secretPolicy:SecretPolicy", "ResourcePolicy"),
    "AWS::SQS::QueuePolicy": _policy("aws:sqs/queuePolicy:QueuePolicy"),
    "AWS::SQS::QueueInlinePolicy": _policy("aws:sqs/queuePolicy:QueuePolicy"),
    "AWS::SNS::TopicPolicy": _policy("aws:sns/topicPolicy:TopicPolicy"),
    "AWS::SNS::TopicInlinePolicy": _policy("aws:sns/topicPolicy:TopicPolicy"),
    "AWS::ECR::Repository": _policy("aws:ecr/repositoryPolicy:RepositoryPolicy", "RepositoryPolicyText"),
    "AWS::ECR::RegistryPolicy": _policy("aws:ecr/registryPolicy:RegistryPolicy", "PolicyText"),
    "AWS::ECR::PublicRepository": _policy("aws:ecrpublic/repositoryPolicy:RepositoryPolicy", "RepositoryPolicyText"),
    "AWS::EFS::FileSystem": _policy("aws:efs/fileSystemPolicy:FileSystemPolicy", "FileSystemPolicy"),
    "AWS::DynamoDB::Table": _policy("aws:dynamodb/resourcePolicy:ResourcePolicy", "ResourcePolicy.PolicyDocument"),
    "AWS::Backup::BackupVault": _policy("aws:backup/vaultPolicy:VaultPolicy", "AccessPolicy"),
    "AWS::Kinesis::ResourcePolicy": _policy("aws:kinesis/resourcePolicy:ResourcePolicy", "ResourcePolicy"),
    "AWS::Logs::ResourcePolicy": _policy(
        "aws:cloudwatch/logResourcePolicy:LogResourcePolicy", property_="policyDocument"
    ),
    "AWS::Logs::Destination": _policy(
        "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy", "DestinationPolicy", "accessPolicy"
    ),
    "AWS::Events::EventBus": _policy("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "Policy"),
    "AWS::OpenSearchService::Domain": _policy("aws:opensearch/domain:Domain", "AccessPolicies", "accessPolicies"),
    "AWS::Elasticsearch::Domain": _policy("aws:elasticsearch/domain:Domain", "AccessPolicies", "accessPolicies"),
    "AWS::ApiGateway::RestApi": _policy("aws:apigateway/restApi:RestApi", "Policy"),
    "AWS::CodeArtifact::Domain": _policy(
        "aws:codeartifact/domainPermissionsPolicy:DomainPermissionsPolicy",
        "PermissionsPolicyDocument",
        "policyDocument",
    ),
    "AWS::CodeArtifact::Repository": _policy(
        "aws:codeartifact/repositoryPermissionsPolicy:RepositoryPermissionsPolicy",
        "PermissionsPolicyDocument",
        "policyDocument",
    ),
    "AWS::ACMPCA::Permission": _policy("aws:acmpca/policy:Policy", "Policy"),
    "AWS::EventSchemas::RegistryPolicy": _policy("aws:schemas/registryPolicy:RegistryPolicy", "Policy"),
    "AWS::MSK::ClusterPolicy": _policy("aws:msk/clusterPolicy:ClusterPolicy", "Policy"),
    "AWS::Transfer::User": _policy("aws:transfer/user:User", "Policy"),
    "AWS::Lambda::Permission": _Type(
        "aws:lambda/permission:Permission",
        {
            "Principal": "principal",
            "Action": "action",
            "SourceArn": "sourceArn",
            "SourceAccount": "sourceAccount",
            "PrincipalOrgID": "principalOrgId",
            "FunctionUrlAuthType": "functionUrlAuthType",
            "EventSourceToken": "eventSourceToken",
        },
    ),
}
"""CloudFormation's type -> the pack's."""

_FUNCTION: Final = "AWS::Serverless::Function"
_TRUST: Final[Json] = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}
"""The trust policy of the role that SAM creates for a function."""

_SSO_ATTACHMENT: Final = "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment"

_OWNERS: Final = {"Roles": "role", "Users": "user", "Groups": "group"}
"""CloudFormation's property that lists whom a policy is attached to -> the pack's property."""


def is_template(content: object) -> bool:
    """Tell whether a file is a template."""
    resources = content.get("Resources") if isinstance(content, Mapping) else None
    return isinstance(resources, Mapping) and any(
        str(key).startswith("Fn::") or (isinstance(one, Mapping) and isinstance(one.get("Type"), str))
        for key, one in resources.items()
    )


def subjects(source: Source, account: str) -> list[Subject]:
    """Return the resources of a template.

    Raises:
        BadInput: a resource has no type, or its properties aren't a mapping.
        RecursionError: its values refer to themselves.
    """
    return list(_subjects(source, account))


def _subjects(source: Source, account: str) -> Iterator[Subject]:
    for logical, resource in source.content["Resources"].items():
        if not isinstance(resource, Mapping) or not isinstance(resource.get("Type"), str):
            raise BadInput(f"has no `Type` for the resource `{logical}`; expand loops and macros before the check")
        properties = resource.get("Properties", {})
        if not isinstance(properties, Mapping):
            raise BadInput(f"gives the resource `{logical}` `Properties` that aren't a mapping")
        yield from _Resource(source, logical, resource["Type"], properties, account).subjects()


class _Resource:
    """A resource of a template, which may stand for several of the pack's resources."""

    def __init__(self, source: Source, logical: str, type_: str, given: Mapping[str, Any], account: str) -> None:
        self._source, self._logical, self._type = source, logical, type_
        # If a template refers to its own account as `AWS::AccountId`, an account number in it means another account.
        self._own = account or (ACCOUNT if "AWS::AccountId" in source.text else "")
        self._values = Values(source.content, account)
        self._path: Steps = ("Resources", logical, "Properties")
        self._given = given
        self._resolved = {key: self._values.resolve(value) for key, value in given.items() if key in _READ}

    def subjects(self) -> Iterator[Subject]:
        kind = _TYPES.get(self._type)
        if kind and (not kind.only_with or self._at(kind.only_with) is not None):
            properties = {ours: self._at(theirs) for theirs, ours in kind.properties.items()}
            places = {ours: (*self._path, *theirs.split(".")) for theirs, ours in kind.properties.items()}
            if self._type == "AWS::IAM::Role":
                self._add_inline(properties, places)
            yield self._subject(kind.type, {"name": self._values.name(self._logical), **_given(properties)}, places)
        if self._type in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            yield from self._attached()
        elif self._type in ("AWS::IAM::User", "AWS::IAM::Group"):
            yield from self._people_policies()
        elif self._type == "AWS::SSO::PermissionSet":
            for arn in _items(self._at("ManagedPolicies")):
                yield self._subject(_SSO_ATTACHMENT, {"managedPolicyArn": arn})
        elif self._type == _FUNCTION and "Policies" in self._given and "Role" not in self._given:
            yield self._function()

    def _at(self, path: str) -> Json:
        value: Json = self._resolved
        for step in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(step) if isinstance(value, Mapping) else None
        return value

    def _subject(self, type_: str, properties: Mapping[str, Json], places: Places | None = None) -> Subject:
        made = make(type_, self._logical, properties, self._own)
        path = ("Resources", self._logical)
        return Subject(made, self._source, self._logical, places or {}, path, unknown=self._values.unknown)

    def _add_inline(self, properties: dict[str, Json], places: dict[str, Steps]) -> None:
        """Add the inline policies of a role."""
        policies = self._at("Policies")
        if not isinstance(policies, list):
            properties["inlinePolicies"] = policies
            return
        properties["inlinePolicies"] = [
            {"policy": one.get("PolicyDocument")} if isinstance(one, Mapping) else {"policy": one} for one in policies
        ]
        for index, _ in enumerate(policies):
            places[f"inlinePolicies.{index}.policy"] = (*self._path, "Policies", index, "PolicyDocument")

    def _attached(self) -> Iterator[Subject]:
        """Yield the policy, or its attachment, once for each role, user and group that has it."""
        owners = [(owner, name) for listed, owner in _OWNERS.items() for name in _items(self._at(listed))]
        if self._type == "AWS::IAM::ManagedPolicy":
            arn = self._values.arn(self._logical)
            for owner, name in owners:
                yield self._subject(_iam(f"{owner}PolicyAttachment"), {owner: name, "policyArn": arn})
            return
        for owner, name in owners or [("role", self._logical)]:
            properties = {owner: name, "policy": self._at("PolicyDocument")}
            yield self._subject(_iam(f"{owner}Policy"), properties, {"policy": (*self._path, "PolicyDocument")})

    def _people_policies(self) -> Iterator[Subject]:
        """Yield the policies of a user or group."""
        owner = "user" if self._type.endswith("User") else "group"
        name = {owner: self._values.name(self._logical)}
        for index, one in enumerate(_items(self._at("Policies"))):
            document = one.get("PolicyDocument") if isinstance(one, Mapping) else one
            places = {"policy": (*self._path, "Policies", index, "PolicyDocument")}
            yield self._subject(_iam(f"{owner}Policy"), {**name, "policy": document}, places)
        for arn in _items(self._at("ManagedPolicyArns")):
            yield self._subject(_iam(f"{owner}PolicyAttachment"), {**name, "policyArn": arn})

    def _function(self) -> Subject:
        """Return the role that SAM creates for a function. A policy is an ARN, an AWS policy's name or a document."""
        value = self._at("Policies")
        inline: list[Json] = []
        places: dict[str, Steps] = {}
        for index, one in enumerate(_items(value)):
            if not isinstance(one, str):
                step = (index,) if isinstance(value, list) else ()
                places[f"inlinePolicies.{len(inline)}.policy"] = (*self._path, "Policies", *step)
                inline.append({"policy": self._document(one)})
        properties: dict[str, Json] = {
            "name": f"{self._logical}Role",
            "assumeRolePolicy": (self._given.get("AssumeRolePolicyDocument") and self._at("AssumeRolePolicyDocument"))
            or _TRUST,
            "managedPolicyArns": [_managed(one) for one in _items(value) if isinstance(one, str)],
            "inlinePolicies": inline,
            "permissionsBoundary": self._at("PermissionsBoundary"),
        }
        return self._subject(_ROLE, _given(properties), places)

    def _document(self, given: Json) -> Json:
        """Return a document of SAM's `Policies`. A policy template is unknown: the file doesn't have its content."""
        if isinstance(given, Mapping) and "Statement" in given:
            return {"Version": "2012-10-17", **given}
        if isinstance(given, Mapping) and given:
            self._values.unknown.append(f"SAM's policy template `{next(iter(given))}`")
        return UNKNOWN


_PATHS: Final = ("", "service-role/", "job-function/", "aws-service-role/")
"""The paths of AWS's managed policies, which SAM accepts by name."""


def _managed(name: str) -> str:
    if name.startswith("arn:"):
        return name
    arns = [f"arn:aws:iam::aws:policy/{path}{name}" for path in _PATHS]
    return next((arn for arn in arns if managed_policy(arn)), arns[0])


def _iam(name: str) -> str:
    return f"aws:iam/{name}:{name[0].upper()}{name[1:]}"


_READ: Final = frozenset(
    (
        "Policies ManagedPolicies ManagedPolicyArns PermissionsBoundary PolicyDocument AssumeRolePolicyDocument "
        "Roles Users Groups Path"
    ).split()
) | {path.partition(".")[0] for kind in _TYPES.values() for path in kind.properties}
"""The properties that are resolved; unknown values in others don't matter."""


def _given(properties: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in properties.items() if value is not None}


def _items(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]
