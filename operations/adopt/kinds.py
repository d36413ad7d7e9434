"""What identifies a resource of each type: in the program's inputs, in Terraform's state, in AWS and Cloudflare.

Import ids are those of the Import section of each type's page in the Pulumi Registry, which are the ids of Terraform's
provider (https://registry.terraform.io/providers/hashicorp/aws/latest/docs, ../cloudflare/cloudflare/latest/docs).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stackfiles.json_type import Json

CLOUDFLARE: Final = "cloudflare"
"""The service of listings that call Cloudflare's API; every other service is one of AWS, by its name in boto3."""


def _plain(text: str) -> str:
    return text


def _last_part(text: str) -> str:
    """Return the name at the end of an ARN: two policies match if their names do, whatever their paths."""
    return text.rpartition("/")[2]


def _issuer(text: str) -> str:
    """Return an issuer in the form common to its URL and the provider's ARN."""
    return text.rpartition(":oidc-provider/")[2].removeprefix("https://").rstrip("/")


def _host(text: str) -> str:
    return text.rstrip(".").lower()


@dataclass(frozen=True)
class Key:
    """An input of a planned resource and an attribute of a running one that have to agree.

    `planned` names an input: `a|b` means either, `a.b` is nested (or within each element of a list). An input that is
    another resource's output and isn't known yet stands for that resource's import id. `attribute` is named as in
    `Kind.terraform`. Both are normalized by `form` and agree if they have a value in common; with `whole`, if all their
    values are the same.
    """

    planned: str
    attribute: str
    form: Callable[[str], str] = _plain
    whole: bool = False


@dataclass(frozen=True)
class Listing:
    """A read-only call that lists what exists.

    `query` (JMESPath) turns an answer into objects of attributes, and `given` adds attributes that were part of the
    question. `{input}` stands for an input of the planned resource: in the arguments, in `given`, and in the operation,
    which for Cloudflare is a path. `absent` are the error codes that mean that nothing exists.
    """

    service: str
    operation: str
    query: str
    arguments: Mapping[str, Json] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One resource type.

    `terraform` maps Terraform types to attribute -> path within the state's attributes. `keys` are tried in order, each
    set only if the ones before found nothing. `import_id` is a template over attributes. `only` has values that an
    attribute must have if it is present. With `put`, creating the resource silently overwrites an existing one.
    """

    terraform: Mapping[str, Mapping[str, str]]
    keys: tuple[tuple[Key, ...], ...]
    import_id: str
    listing: Listing
    only: Mapping[str, str] = field(default_factory=dict)
    put: bool = False


def _same(*names: str) -> Mapping[str, str]:
    return {name: name for name in names}


_NAME: Final = ((Key("name", "name"),),)
_BUCKET: Final = ((Key("bucket", "bucket"),),)


def _by_arn(service: str, operation: str, query: str, *terraform: str) -> Kind:
    """Return a kind that is identified by its name and imported by its ARN."""
    return Kind(dict.fromkeys(terraform, _same("arn", "name")), _NAME, "{arn}", Listing(service, operation, query))


_THERE: Final = "`[{}]`"
"""The query for operations where any answer means that the resource exists."""


def _bucket_part(terraform: str, operation: str, query: str, *absent: str) -> Kind:
    """Return a kind that a bucket has at most one of."""
    listing = Listing("s3", operation, query, {"Bucket": "{bucket}"}, {"bucket": "{bucket}"}, ("NoSuchBucket", *absent))
    return Kind({terraform: _same("bucket")}, _BUCKET, "{bucket}", listing, put=True)


def _firewall(terraform: str, operation: str, query: str) -> Kind:
    listing = Listing("wafv2", operation, query, {"Scope": "{scope}", "Limit": 100}, {"scope": "{scope}"})
    return Kind({terraform: _same("id", "name", "scope")}, _NAME, "{id}/{name}/{scope}", listing)


def _group_rule(direction: str, egress: str) -> Kind:
    """Return the kind of security group rules in one direction."""
    ports = {"from_port": "from_port", "to_port": "to_port", "group": "security_group_id"}
    sources = "prefix_list_id|cidr_ipv4|cidr_ipv6|referenced_security_group_id"
    older = "prefix_list_ids|cidr_blocks|ipv6_cidr_blocks|source_security_group_id"
    return Kind(
        {
            f"aws_vpc_security_group_{direction}_rule": {
                **ports, "id": "security_group_rule_id", "protocol": "ip_protocol", "source": sources
            },
            "aws_security_group_rule": {
                **ports, "id": "security_group_rule_id", "protocol": "protocol", "source": older, "direction": "type"
            },
        },
        (
            (
                Key("securityGroupId", "group"),
                Key("ipProtocol", "protocol"),
                Key("fromPort", "from_port"),
                Key("toPort", "to_port"),
                Key("prefixListId|cidrIpv4|cidrIpv6|referencedSecurityGroupId", "source"),
            ),
        ),
        "{id}",
        Listing(
            "ec2",
            "describe_security_group_rules",
            f"SecurityGroupRules[?IsEgress==`{egress}`].{{id: SecurityGroupRuleId, group: GroupId, "
            "protocol: IpProtocol, from_port: FromPort, to_port: ToPort, "
            "source: [PrefixListId, CidrIpv4, CidrIpv6, ReferencedGroupInfo.GroupId]}",
            {"Filters": [{"Name": "group-id", "Values": ["{securityGroupId}"]}]},
        ),
        {"direction": direction},
    )  # fmt: skip


_CERTIFICATE_NAMES: Final = "domain_name|subject_alternative_names"
_KEY_TYPES: Final[list[Json]] = ["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]
"""Without this filter, ACM lists only certificates with RSA keys of 2,048 bits."""

KINDS: Final[Mapping[str, Kind]] = {
    "aws:secretsmanager/secret:Secret": _by_arn(
        "secretsmanager", "list_secrets", "SecretList[].{arn: ARN, name: Name}", "aws_secretsmanager_secret"
    ),
    "aws:ssm/parameter:Parameter": Kind(
        {"aws_ssm_parameter": _same("name")},
        _NAME,
        "{name}",
        Listing("ssm", "describe_parameters", "Parameters[].{name: Name}"),
    ),
    "aws:iam/role:Role": Kind(
        {"aws_iam_role": _same("name")}, _NAME, "{name}", Listing("iam", "list_roles", "Roles[].{name: RoleName}")
    ),
    "aws:iam/policy:Policy": Kind(
        {"aws_iam_policy": _same("arn", "name")},
        _NAME,
        "{arn}",
        Listing("iam", "list_policies", "Policies[].{arn: Arn, name: PolicyName}", {"Scope": "Local"}),
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        {"aws_iam_role_policy": _same("role", "name")},
        ((Key("role", "role"), Key("name", "name")), (Key("role", "role"),)),
        "{role}:{name}",
        Listing(
            "iam", "list_role_policies", "PolicyNames[].{name: @}",
            {"RoleName": "{role}"}, {"role": "{role}"}, ("NoSuchEntity",),
        ),
        put=True,
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(
        {"aws_iam_role_policy_attachment": _same("role", "policy_arn")},
        ((Key("role", "role"), Key("policyArn", "policy_arn", _last_part)),),
        "{role}/{policy_arn}",
        Listing(
            "iam", "list_attached_role_policies", "AttachedPolicies[].{policy_arn: PolicyArn}",
            {"RoleName": "{role}"}, {"role": "{role}"}, ("NoSuchEntity",),
        ),
        put=True,
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Kind(
        {"aws_iam_openid_connect_provider": _same("arn")},
        ((Key("url", "arn", _issuer),),),
        "{arn}",
        Listing("iam", "list_open_id_connect_providers", "OpenIDConnectProviderList[].{arn: Arn}"),
    ),
    "aws:s3/bucket:Bucket": Kind(
        {"aws_s3_bucket": _same("bucket")},
        _BUCKET,
        "{bucket}",
        Listing("s3", "list_buckets", "Buckets[].{bucket: Name}"),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket_part(
        "aws_s3_bucket_ownership_controls", "get_bucket_ownership_controls", _THERE, "OwnershipControlsNotFoundError"
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket_part(
        "aws_s3_bucket_public_access_block", "get_public_access_block", _THERE, "NoSuchPublicAccessBlockConfiguration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket_part(
        "aws_s3_bucket_versioning", "get_bucket_versioning", f"Status && {_THERE}"
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket_part(
        "aws_s3_bucket_server_side_encryption_configuration", "get_bucket_encryption", _THERE,
        "ServerSideEncryptionConfigurationNotFoundError",
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket_part(
        "aws_s3_bucket_lifecycle_configuration", "get_bucket_lifecycle_configuration", _THERE,
        "NoSuchLifecycleConfiguration",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket_part(
        "aws_s3_bucket_policy", "get_bucket_policy", _THERE, "NoSuchBucketPolicy"
    ),
    "aws:ec2/securityGroup:SecurityGroup": Kind(
        {"aws_security_group": _same("id", "name", "vpc_id")},
        ((Key("name", "name"), Key("vpcId", "vpc_id")),),
        "{id}",
        Listing(
            "ec2", "describe_security_groups", "SecurityGroups[].{id: GroupId, name: GroupName, vpc_id: VpcId}"
        ),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _group_rule("ingress", "false"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _group_rule("egress", "true"),
    "aws:lb/loadBalancer:LoadBalancer": _by_arn(
        "elbv2", "describe_load_balancers", "LoadBalancers[].{arn: LoadBalancerArn, name: LoadBalancerName}",
        "aws_lb", "aws_alb",
    ),
    "aws:lb/targetGroup:TargetGroup": _by_arn(
        "elbv2", "describe_target_groups", "TargetGroups[].{arn: TargetGroupArn, name: TargetGroupName}",
        "aws_lb_target_group", "aws_alb_target_group",
    ),
    "aws:lb/listener:Listener": Kind(
        dict.fromkeys(("aws_lb_listener", "aws_alb_listener"), _same("arn", "port", "load_balancer_arn")),
        ((Key("loadBalancerArn", "load_balancer_arn"), Key("port", "port")),),
        "{arn}",
        Listing(
            "elbv2", "describe_listeners",
            "Listeners[].{arn: ListenerArn, port: Port, load_balancer_arn: LoadBalancerArn}",
            {"LoadBalancerArn": "{loadBalancerArn}"},
        ),
    ),
    "aws:lb/listenerRule:ListenerRule": Kind(
        # The conditions also contain the header secret, so only the hosts are read.
        {
            type_: {**_same("arn", "priority", "listener_arn"), "hosts": "condition.host_header.values"}
            for type_ in ("aws_lb_listener_rule", "aws_alb_listener_rule")
        },
        (
            (Key("listenerArn", "listener_arn"), Key("conditions.hostHeader.values", "hosts", _host)),
            (Key("listenerArn", "listener_arn"), Key("priority", "priority")),
        ),
        "{arn}",
        Listing(
            "elbv2", "describe_rules",
            "Rules[].{arn: RuleArn, priority: Priority, "
            "hosts: Conditions[?Field=='host-header'].HostHeaderConfig.Values[]}",
            {"ListenerArn": "{listenerArn}"}, {"listener_arn": "{listenerArn}"},
        ),
    ),
    "aws:acm/certificate:Certificate": Kind(
        {"aws_acm_certificate": {"arn": "arn", "names": _CERTIFICATE_NAMES}},
        ((Key("domainName|subjectAlternativeNames", "names", _host, whole=True),),),
        "{arn}",
        Listing(
            "acm", "list_certificates",
            "CertificateSummaryList[].{arn: CertificateArn, names: [DomainName, SubjectAlternativeNameSummaries][]}",
            {"Includes": {"keyTypes": _KEY_TYPES}, "CertificateStatuses": ["ISSUED", "PENDING_VALIDATION"]},
        ),
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": Kind(
        {"aws_cloudfront_response_headers_policy": _same("id", "name")},
        _NAME,
        "{id}",
        Listing(
            "cloudfront", "list_response_headers_policies",
            "ResponseHeadersPolicyList.Items[].ResponseHeadersPolicy"
            ".{id: Id, name: ResponseHeadersPolicyConfig.Name}",
            {"Type": "custom"},
        ),
    ),
    "aws:wafv2/ipSet:IpSet": _firewall("aws_wafv2_ip_set", "list_ip_sets", "IPSets[].{id: Id, name: Name}"),
    "aws:wafv2/webAcl:WebAcl": _firewall("aws_wafv2_web_acl", "list_web_acls", "WebACLs[].{id: Id, name: Name}"),
    "aws:cloudfront/distribution:Distribution": Kind(
        {"aws_cloudfront_distribution": _same("id", "aliases")},
        ((Key("aliases", "aliases", _host),),),
        "{id}",
        Listing(
            "cloudfront", "list_distributions", "DistributionList.Items[].{id: Id, aliases: Aliases.Items}"
        ),
    ),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": Kind(
        {"aws_cloudwatch_log_delivery_source": _same("name")},
        _NAME,
        "{name}",
        Listing("logs", "describe_delivery_sources", "deliverySources[].{name: name}"),
        put=True,
    ),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": Kind(
        {"aws_cloudwatch_log_delivery_destination": _same("name")},
        _NAME,
        "{name}",
        Listing("logs", "describe_delivery_destinations", "deliveryDestinations[].{name: name}"),
        put=True,
    ),
    "aws:cloudwatch/logDelivery:LogDelivery": Kind(
        {"aws_cloudwatch_log_delivery": {"id": "id", "source": "delivery_source_name"}},
        ((Key("deliverySourceName", "source"),),),
        "{id}",
        Listing("logs", "describe_deliveries", "deliveries[].{id: id, source: deliverySourceName}"),
    ),
    "cloudflare:index/dnsRecord:DnsRecord": Kind(
        {
            "cloudflare_dns_record": _same("id", "zone_id", "name", "type"),
            # Its `name` may leave the zone out; `hostname` never does.
            "cloudflare_record": {**_same("id", "zone_id", "type"), "name": "hostname"},
        },
        ((Key("name", "name", _host), Key("type", "type"), Key("zoneId", "zone_id")),),
        "{zone_id}/{id}",
        Listing(
            CLOUDFLARE, "zones/{zoneId}/dns_records?name={name}", "result[].{id: id, name: name, type: type}",
            given={"zone_id": "{zoneId}"},
        ),
    ),
    "cloudflare:index/ruleset:Ruleset": Kind(
        {"cloudflare_ruleset": _same("id", "zone_id", "phase", "version")},
        ((Key("phase", "phase"), Key("zoneId", "zone_id")),),
        "zones/{zone_id}/{id}",
        Listing(
            CLOUDFLARE, "zones/{zoneId}/rulesets/phases/{phase}/entrypoint", "[result][].{id: id}",
            given={"zone_id": "{zoneId}", "phase": "{phase}"},
        ),
    ),
    "cloudflare:index/zoneSetting:ZoneSetting": Kind(
        {"cloudflare_zone_setting": _same("zone_id", "setting_id")},
        ((Key("settingId", "setting_id"), Key("zoneId", "zone_id")),),
        "{zone_id}/{setting_id}",
        Listing(
            CLOUDFLARE, "zones/{zoneId}/settings/{settingId}", "[result][].{setting_id: id}",
            given={"zone_id": "{zoneId}"},
        ),
        put=True,
    ),
}  # fmt: skip
"""Type -> what identifies it. Types are matched in this order, so a type comes after those that it refers to."""

RECORDED: Final[Mapping[str, str]] = {"aws:acm/certificateValidation:CertificateValidation": "certificateArn"}
"""Types that exist only in the state and have no importer -> the input that serves as the id. Creating one only waits
for something, so the plan's inputs can be written to the state as they are."""

STATE_ONLY: Final[Mapping[str, frozenset[str]]] = {
    "aws:secretsmanager/secret:Secret": frozenset({"recoveryWindowInDays", "forceOverwriteReplicaSecret"}),
    "aws:s3/bucket:Bucket": frozenset({"forceDestroy"}),
    "aws:ec2/securityGroup:SecurityGroup": frozenset({"revokeRulesOnDelete"}),
    "aws:cloudfront/distribution:Distribution": frozenset({"retainOnDelete", "waitForDeployment"}),
    "aws:iam/role:Role": frozenset({"forceDetachPolicies"}),
}
"""Type -> inputs that exist only in the engine's state: the provider's Read never returns them, so an import lacks
them."""

PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "aws_secretsmanager_secret_version": ("secret_id", "version_id"),
    "aws_secretsmanager_secret_policy": ("secret_arn",),
    "aws_acm_certificate_validation": ("certificate_arn",),
    "aws_iam_role_policies_exclusive": ("role_name",),
    "aws_iam_role_policy_attachments_exclusive": ("role_name",),
}
"""Terraform types that are part of another resource and have no counterpart in the program -> the attribute that names
the whole, then others that identify the part. Terraform forgets them with the whole (see closed_set.py)."""


def terraform_attributes(type_: str) -> Mapping[str, str]:
    """Return the attributes that are read for a Terraform type: attribute -> path. Nothing else of a state is kept."""
    if type_ in PARTS:
        return _same(*PARTS[type_])
    merged: dict[str, str] = {}
    for kind in KINDS.values():
        merged |= kind.terraform.get(type_, {})
    return merged
