"""The resources in the stand-ins' account: one file for each, so that a killed provider loses nothing.

Files hold properties in clear, secrets included, as a cloud does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rehearsal.engine.computed import attributes
from tests.owner import config

ACCOUNT: Final[str] = config("prod")["aws:allowedAccountIds"][0]
"""The account that production deploys to. The packs refuse ARNs of any account but the stack's own."""

IDENTITY: Final[Mapping[str, str]] = {
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": "name",
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": "name",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": "name",
    "aws:ec2/securityGroup:SecurityGroup": "name",
    "aws:ecs/cluster:Cluster": "name",
    "aws:ecs/service:Service": "name",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "url",
    "aws:iam/policy:Policy": "name",
    "aws:iam/role:Role": "name",
    "aws:lb/loadBalancer:LoadBalancer": "name",
    "aws:lb/targetGroup:TargetGroup": "name",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/clusterInstance:ClusterInstance": "identifier",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "name",
    "aws:rds/subnetGroup:SubnetGroup": "name",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:secretsmanager/secret:Secret": "name",
    "aws:ssm/parameter:Parameter": "name",
    "aws:wafv2/ipSet:IpSet": "name",
    "aws:wafv2/webAcl:WebAcl": "name",
}
"""Type -> input that must be unique among the type's resources in an account."""

REPLACES: Final[Mapping[str, frozenset[str]]] = {
    type_: frozenset(keys)
    for type_, keys in {
        "aws:acm/certificate:Certificate": (
            "domainName",
            "subjectAlternativeNames",
            "keyAlgorithm",
            "validationMethod",
        ),
        "aws:acm/certificateValidation:CertificateValidation": ("certificateArn", "validationRecordFqdns"),
        "aws:cloudfront/distribution:Distribution": (),
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (),
        "aws:cloudwatch/logDelivery:LogDelivery": ("deliverySourceName", "deliveryDestinationArn"),
        "aws:cloudwatch/logDeliverySource:LogDeliverySource": ("logType", "resourceArn"),
        "aws:ec2/securityGroup:SecurityGroup": ("description", "vpcId"),
        "aws:ec2/natGateway:NatGateway": ("allocationId", "subnetId"),
        "aws:ec2/subnet:Subnet": ("vpcId", "cidrBlock", "availabilityZone"),
        "aws:ec2/vpc:Vpc": ("cidrBlock",),
        "aws:ecs/service:Service": ("cluster", "launchType"),
        # A revision never changes: an update creates another one.
        "aws:ecs/taskDefinition:TaskDefinition": (
            *("containerDefinitions", "cpu", "executionRoleArn", "family", "memory", "networkMode"),
            *("requiresCompatibilities", "runtimePlatform", "taskRoleArn"),
        ),
        "aws:iam/policy:Policy": ("description", "path"),
        "aws:iam/role:Role": ("path",),
        "aws:iam/rolePolicy:RolePolicy": ("name", "role"),
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("policyArn", "role"),
        "aws:lb/listener:Listener": ("loadBalancerArn",),
        "aws:lb/listenerRule:ListenerRule": ("listenerArn",),
        "aws:lb/loadBalancer:LoadBalancer": ("internal", "loadBalancerType"),
        "aws:lb/targetGroup:TargetGroup": ("port", "protocol", "targetType", "vpcId"),
        "aws:rds/cluster:Cluster": ("dbSubnetGroupName", "engine", "masterUsername", "snapshotIdentifier"),
        "aws:s3/bucket:Bucket": (),
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("securityGroupId",),
        "aws:wafv2/ipSet:IpSet": ("ipAddressVersion", "scope"),
        "aws:wafv2/webAcl:WebAcl": ("scope",),
        "cloudflare:index/dnsRecord:DnsRecord": ("zoneId",),
        "cloudflare:index/ruleset:Ruleset": ("zoneId", "kind", "phase"),
        "cloudflare:index/zoneSetting:ZoneSetting": ("zoneId", "settingId"),
    }.items()
}
"""Type -> inputs (besides its identity, the region and a sub-resource's bucket) whose change creates a new resource, as
the providers' documentation marks them ("Forces new resource")."""

_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_DELIVERY: Final = "aws:cloudwatch/logDelivery:LogDelivery"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
USED_BY: Final[Mapping[str, Mapping[str, str]]] = {
    "aws:acm/certificate:Certificate": {
        "aws:lb/listener:Listener": "certificateArn",
        _DISTRIBUTION: "viewerCertificate",
    },
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": {_DISTRIBUTION: "defaultCacheBehavior"},
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": {_DELIVERY: "deliveryDestinationArn"},
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": {_DELIVERY: "deliverySourceName"},
    "aws:ec2/securityGroup:SecurityGroup": {"aws:lb/loadBalancer:LoadBalancer": "securityGroups"},
    "aws:iam/policy:Policy": {"aws:iam/role:Role": "permissionsBoundary", _ATTACHMENT: "policyArn"},
    "aws:iam/role:Role": {"aws:iam/rolePolicy:RolePolicy": "role", _ATTACHMENT: "role"},
    "aws:lb/targetGroup:TargetGroup": {"aws:lb/listenerRule:ListenerRule": "actions"},
    "aws:wafv2/ipSet:IpSet": {"aws:wafv2/webAcl:WebAcl": "rules"},
    "aws:wafv2/webAcl:WebAcl": {_DISTRIBUTION: "webAclId"},
}
"""Type -> type -> input that may name a resource of the first type by its id, or by an ARN that ends with it. AWS
doesn't delete a resource that is named there (ResourceInUse and the like)."""

_BALANCING: Final = "arn:aws:elasticloadbalancing:{region}:{account}"
_FIREWALL: Final = "arn:aws:wafv2:{region}:{account}:global"
_UUID: Final = "{0:.8}-{0:.4}-4{0:.3}-8{0:.3}-{0:.12}"
IDS: Final[Mapping[str, str]] = {
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _UUID,
    "aws:ec2/internetGateway:InternetGateway": "igw-{0:.17}",
    "aws:ec2/natGateway:NatGateway": "nat-{0:.17}",
    "aws:ec2/routeTable:RouteTable": "rtb-{0:.17}",
    "aws:ec2/securityGroup:SecurityGroup": "sg-{0:.17}",
    "aws:ec2/subnet:Subnet": "subnet-{0:.17}",
    "aws:ec2/vpc:Vpc": "vpc-{0:.17}",
    "aws:ecs/cluster:Cluster": "arn:aws:ecs:{region}:{account}:cluster/{name}",
    "aws:lb/listener:Listener": _BALANCING + ":listener/app/{name}/{0:.16}/{0:.16}",
    "aws:lb/listenerRule:ListenerRule": _BALANCING + ":listener-rule/app/{name}/{0:.16}/{0:.16}/{0:.16}",
    "aws:lb/loadBalancer:LoadBalancer": _BALANCING + ":loadbalancer/app/{name}/{0:.16}",
    "aws:lb/targetGroup:TargetGroup": _BALANCING + ":targetgroup/{name}/{0:.16}",
    "aws:wafv2/ipSet:IpSet": f"{_FIREWALL}/ipset/{{name}}/{_UUID}",
    "aws:wafv2/webAcl:WebAcl": f"{_FIREWALL}/webacl/{{name}}/{_UUID}",
}
"""Type -> the shape of its ids, where packs check it; `{0}` stands for hexadecimal digits."""

_LOGS: Final = "arn:aws:logs:{region}:{account}"
ARNS: Final[Mapping[str, str]] = {
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": _LOGS + ":delivery-destination:{name}",
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": _LOGS + ":delivery-source:{name}",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "arn:aws:iam::{account}:oidc-provider/{issuer}",
}
"""Type -> the shape of its ARNs, where something reads names from them."""

_OF_A_BUCKET: Final = (
    "bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "bucketOwnershipControls:BucketOwnershipControls",
    "bucketPolicy:BucketPolicy",
    "bucketPublicAccessBlock:BucketPublicAccessBlock",
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "bucketVersioning:BucketVersioning",
)
IMPORTED_AS: Final[Mapping[str, str]] = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "{arn}",
    "aws:iam/policy:Policy": "{arn}",
    "aws:iam/rolePolicy:RolePolicy": "{role}:{name}",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "{role}/{policyArn}",
    **{f"aws:s3/{part}": "{bucket}" for part in _OF_A_BUCKET},
    "aws:wafv2/ipSet:IpSet": "{last}/{name}/{scope}",
    "aws:wafv2/webAcl:WebAcl": "{last}/{name}/{scope}",
    "cloudflare:index/dnsRecord:DnsRecord": "{zoneId}/{id}",
}
"""Type -> the id that an import takes, from the properties and `last`, the end of the id; other types take the id.
Source: the Import section of each type's page, https://www.pulumi.com/registry/packages/aws/api-docs/ and cloudflare"""

NEVER_READ: Final[Mapping[str, frozenset[str]]] = {
    "aws:lb/listenerRule:ListenerRule": frozenset({"clientSecret"}),
    "aws:secretsmanager/secret:Secret": frozenset({"recoveryWindowInDays", "forceOverwriteReplicaSecret"}),
}
"""Type -> inputs, at any depth, that no read-only call of AWS returns, so that an import lacks them."""

UPDATABLE_NAMES: Final = frozenset({"aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"})
"""Types whose identity can change in place."""


def replaces(type_: str, key: str) -> bool:
    """Tell whether changing an input makes the provider replace the resource."""
    if type_.startswith("aws:") and key == "region":
        return True
    if type_.startswith("aws:s3/bucket") and key == "bucket":
        return True
    identity = IDENTITY.get(type_) == key and type_ not in UPDATABLE_NAMES
    return identity or key in REPLACES.get(type_, frozenset())


def old_first(type_: str, inputs: Mapping[str, Any]) -> bool:
    """Tell whether the provider wants the old resource deleted before its replacement is created.

    It does if the program gives the name, even a new one (nameRequiresDeleteBeforeReplace in pkg/tfbridge/schema.go of
    pulumi/pulumi-terraform-bridge), for resources that are written with Terraform's older SDK.
    """
    key = IDENTITY.get(type_, "")
    return key in ("name", "bucket") and key in inputs and not type_.startswith("aws:cloudwatch/logDelivery")


@dataclass(frozen=True)
class Resource:
    """One existing resource: its id, type, the URN it was created for, all its properties, and the given inputs."""

    id: str
    type: str
    urn: str
    properties: dict[str, Any]
    given: Sequence[str]

    @property
    def identity(self) -> str:
        """The name that no other resource can have while it exists; its id if only the provider names it."""
        key = IDENTITY.get(self.type)
        return f"{self.type} {self.properties[key] if key else self.id}"

    @property
    def import_id(self) -> str:
        """The id that an import takes."""
        last = self.id.rpartition("/")[2]
        return IMPORTED_AS.get(self.type, "{id}").format_map({**self.properties, "last": last})

    def inputs(self) -> dict[str, Any]:
        """Return the given inputs, as far as a read-only call returns them."""
        found = {key: value for key, value in self.properties.items() if key in self.given}
        read: dict[str, Any] = _without(found, NEVER_READ.get(self.type, frozenset()))
        return read


class Account:
    """The resources that exist, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __iter__(self) -> Iterator[Resource]:
        for file in sorted(self._folder.glob("*.json")):
            yield Resource(**json.loads(file.read_text()))

    def find(self, type_: str, id_: str) -> Resource | None:
        """Return a resource, or None if it doesn't exist."""
        file = self._file(type_, id_)
        return Resource(**json.loads(file.read_text())) if file.exists() else None

    def imported(self, type_: str, id_: str) -> Resource | None:
        """Return the resource that an import finds by an id, or None if there is none."""
        return next((one for one in self if one.type == type_ and one.import_id == id_), None)

    def put(self, resource: Resource) -> None:
        """Create or change a resource."""
        file = self._file(resource.type, resource.id)
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(vars(resource)))
        unfinished.rename(file)

    def in_use(self, type_: str, id_: str) -> bool:
        """Tell whether another resource needs this one."""
        keys = USED_BY.get(type_, {})
        # A text that ends with the id may be a longer name, but not if a slash or a colon comes before the id.
        named = re.compile(rf'["/:]{re.escape(id_)}"')
        return any(
            named.search(json.dumps(other.properties.get(keys[other.type]))) for other in self if other.type in keys
        )

    def remove(self, type_: str, id_: str) -> None:
        """Delete a resource; as with the providers, deleting one that doesn't exist is no error."""
        self._file(type_, id_).unlink(missing_ok=True)

    def _file(self, type_: str, id_: str) -> Path:
        return self._folder / f"{hashlib.sha256(f'{type_} {id_}'.encode()).hexdigest()[:24]}.json"


def made(type_: str, urn: str, inputs: Mapping[str, Any], region: str, account: str = ACCOUNT) -> Resource:
    """Return the resource that a provider creates from its inputs, with made-up values for computed properties."""
    token = hashlib.sha256(f"{urn} {json.dumps(inputs, sort_keys=True)}".encode()).hexdigest()
    name = str(inputs.get(IDENTITY.get(type_, "name"), "")) or token[:12]
    region = str(inputs.get("region") or region)
    kind = type_.rpartition(":")[2]
    service = type_.partition("/")[0].partition(":")[2]
    own_id = IDS.get(type_, "").format(token, name=name, region=region, account=account)
    issuer = name.removeprefix("https://")
    own_arn = ARNS.get(type_, own_id).format(name=name, issuer=issuer, region=region, account=account)
    facts: dict[str, Any] = {
        "arn": own_arn
        if own_arn.startswith("arn:")
        else f"arn:aws:{service}:{region}:{account}:{kind[0].lower()}{kind[1:]}/{name.strip('/')}-{token[:6]}",
        "region": region,
        "tagsAll": inputs.get("tags", {}),
        # SQS returns these for a queue that has none.
        **dict.fromkeys(("redrivePolicy", "redriveAllowPolicy"), ""),
        "domainName": f"{token[:14]}.cloudfront.net",
        "dnsName": f"{name}-{token[:10]}.{region}.elb.amazonaws.com",
        "domainValidationOptions": [
            {
                "domainName": host,
                "resourceRecordName": f"_{hashlib.sha256(host.encode()).hexdigest()[:32]}.{host}.",
                "resourceRecordType": "CNAME",
                "resourceRecordValue": f"_{hashlib.sha256(host[::-1].encode()).hexdigest()[:32]}.acm-validations.aws.",
            }
            for host in (inputs.get("domainName"), *inputs.get("subjectAlternativeNames", []))
            if host
        ],
    }
    computed = {
        key: facts.get(key, _of_type(hint, f"{key}-{token[:8]}"))
        for key, hint in attributes(type_).items()
        if key not in inputs
    }
    id_ = computed.get("arn") if type_.startswith(("aws:lb/", "aws:acm/", "aws:secretsmanager/")) else None
    id_ = id_ or own_id or (name if type_ in IDENTITY else f"{kind.lower()}-{token[:16]}")
    return Resource(id_, type_, urn, {**inputs, **computed, "id": id_}, sorted(inputs))


def _without(value: Any, keys: Set[str]) -> Any:  # noqa: ANN401 - any property value
    """Return a value without some keys, at any depth."""
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, list) else value


def _of_type(hint: Any, text: str) -> Any:  # noqa: ANN401 - any property value
    plain = {str: text, bool: False, int: 0, float: 0}
    if isinstance(hint, type) and hint in plain:
        return plain[hint]
    return [] if "Sequence" in str(hint) else {}
