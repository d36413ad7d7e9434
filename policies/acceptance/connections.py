"""Resources that AWS or Cloudflare accepts individually, but refuses next to or attached to one another."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.acceptance.together.reading import block, blocks, given, number, own_region, text, texts
from policies.rulebook import Finding, Judgement, Resource, Rule, Scope, Severity

_API: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference"
_LOGS: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html"
_EDGE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html"
_EC2: Final = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
_DELIVERY: Final = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateDelivery.html"
_STANDARD_LOGS: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html"
_WAF: Final = "https://docs.aws.amazon.com/waf/latest/APIReference/API_IPSetReferenceStatement.html"
_RECORD: Final = "https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/"

_PROTOCOLS: Final = {
    "application": ("HTTP", "HTTPS"),
    "network": ("TCP", "UDP", "TCP_UDP", "TLS", "QUIC", "TCP_QUIC"),
    "gateway": ("GENEVE",),
}
"""Type of a load balancer -> the protocols of its listeners and target groups."""

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_CERTIFICATE: Final = "aws:acm/certificate:Certificate"
_VALIDATION: Final = "aws:acm/certificateValidation:CertificateValidation"
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
_ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
_WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"
_IP_SET: Final = "aws:wafv2/ipSet:IpSet"
_LOG_SOURCE: Final = "aws:cloudwatch/logDeliverySource:LogDeliverySource"
_LOG_DESTINATION: Final = "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination"
_LOG_DELIVERY: Final = "aws:cloudwatch/logDelivery:LogDelivery"
_DNS_RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"
_BALANCERS, _LISTENERS, _RULES, _TARGETS = (
    tuple(f"aws:{module}/{name}" for module in ("lb", "alb"))
    for name in (
        "loadBalancer:LoadBalancer",
        "listener:Listener",
        "listenerRule:ListenerRule",
        "targetGroup:TargetGroup",
    )
)


class Plan:
    """The resources of a stack, and the resources that a property's value comes from."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        # The engine promises no order. Sorting makes a finding always name the same resource.
        self._all = {resource.urn: resource for resource in sorted(resources, key=lambda resource: resource.urn)}

    def all(self, *types: str) -> list[Resource]:
        """Return the resources of some types."""
        return [resource for resource in self._all.values() if resource.type in types]

    def behind(self, resource: Resource, property_: str, *types: str) -> list[Resource]:
        """Return the resources of some types that a property's value comes from."""
        urns = sorted(resource.references.get(property_, ()))
        return [self._all[urn] for urn in urns if urn in self._all and self._all[urn].type in types]

    def certificates(self, resource: Resource, property_: str) -> list[Resource]:
        """Return the certificates that a property's value comes from, directly or through their validations."""
        validations = self.behind(resource, property_, _VALIDATION)
        behind = [found for one in validations for found in self.behind(one, "certificateArn", _CERTIFICATE)]
        return [*self.behind(resource, property_, _CERTIFICATE), *behind]


Findings = Iterator[Finding]


def _same(resources: Iterable[Resource], key: Callable[[Resource], Hashable | None]) -> Iterator[tuple[Resource, str]]:
    """Yield each resource with the same key as an earlier one, and the URN of the earlier one; None is no key."""
    first: dict[Hashable, Resource] = {}
    for resource in resources:
        found = key(resource)
        if found is not None and first.setdefault(found, resource) is not resource:
            yield resource, first[found].urn


def _origin(resource: Resource, property_: str) -> str | None:
    """Return a key that compares values: the resources that a value comes from, or its text; None without both."""
    return ",".join(sorted(resource.references.get(property_, ()))) or text(resource.properties, property_)


def _listeners(plan: Plan) -> Findings:
    def port(listener: Resource) -> Hashable | None:
        balancer, found = _origin(listener, "loadBalancerArn"), number(listener.properties, "port")
        return None if balancer is None or found is None else (balancer, found)

    for listener, other in _same(plan.all(*_LISTENERS), port):
        yield Finding(
            f"`port` is also used by {other} of the same load balancer ({_API}/API_CreateListener.html).", listener.urn
        )
    for listener in plan.all(*_LISTENERS):
        for balancer in plan.behind(listener, "loadBalancerArn", *_BALANCERS):
            yield from _protocol(listener, balancer)
            here = own_region(balancer)
            for there in map(own_region, plan.certificates(listener, "certificateArn")):
                if here and there and here != there:
                    yield Finding(
                        f"`certificateArn` is in {there}, but the load balancer is in {here} "
                        f"({_API}/API_CreateListener.html).",
                        listener.urn,
                    )


def _protocol(resource: Resource, balancer: Resource) -> Findings:
    kind = text(balancer.properties, "loadBalancerType") or "application"
    protocol = text(resource.properties, "protocol")
    if protocol and protocol not in _PROTOCOLS.get(kind, (protocol,)):
        yield Finding(
            f"`protocol` is {protocol}; with a load balancer of type {kind} it can be "
            f"{', '.join(_PROTOCOLS[kind])} ({_API}/API_CreateListener.html).",
            resource.urn,
        )


def _targets(plan: Plan) -> Findings:
    """Check target groups behind listeners and rules, which need the load balancer's VPC and protocols."""
    balancers: dict[str, dict[str, Resource]] = defaultdict(dict)
    for resource in plan.all(*_LISTENERS, *_RULES):
        listeners = [resource] if resource.type in _LISTENERS else plan.behind(resource, "listenerArn", *_LISTENERS)
        kinds = [text(action, "type") or "" for action in blocks(resource.properties, "actions")]
        if any(kind.startswith("authenticate-") for kind in kinds) and any(
            text(listener.properties, "protocol") == "HTTP" for listener in listeners
        ):
            yield Finding(
                f"`actions` sign users in, which needs HTTPS, but the listener uses HTTP ({_API}/API_CreateRule.html).",
                resource.urn,
            )
        for target in plan.behind(resource, "actions", *_TARGETS) + plan.behind(resource, "defaultActions", *_TARGETS):
            for listener in listeners:
                for balancer in plan.behind(listener, "loadBalancerArn", *_BALANCERS):
                    balancers[target.urn][balancer.urn] = balancer
    for target in plan.all(*_TARGETS):
        for balancer in balancers[target.urn].values():
            yield from _protocol(target, balancer)
            for group in plan.behind(balancer, "securityGroups", _GROUP):
                own, other = text(target.properties, "vpcId"), text(group.properties, "vpcId")
                if own and other and own != other:
                    yield Finding(
                        f"`vpcId` is {own}, but the load balancer's security group is in {other}; both must be the "
                        f"same ({_API}/API_CreateTargetGroup.html).",
                        target.urn,
                    )


def _group_rules(plan: Plan) -> Findings:
    def permission(rule: Resource) -> Hashable | None:
        group = _origin(rule, "securityGroupId")
        sources = [_origin(rule, key) for key in _SOURCES]
        ports = [number(rule.properties, key) for key in ("fromPort", "toPort")]
        known = group is not None and any(sources)
        return (group, text(rule.properties, "ipProtocol"), *ports, *sources) if known else None

    for type_, operation in ((_INGRESS, "Ingress"), (_EGRESS, "Egress")):
        for rule, other in _same(plan.all(type_), permission):
            page = f"{_EC2}/API_AuthorizeSecurityGroup{operation}.html"
            yield Finding(
                f"It permits the same as {other}; `securityGroupId` accepts each rule only once ({page}).", rule.urn
            )


_SOURCES: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")


_IMPORTED: Final = "https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html"
_VIEWER_KEYS: Final = ("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1")


def _viewer_certificates(plan: Plan) -> Findings:
    for distribution in plan.all(_DISTRIBUTION):
        for certificate in plan.certificates(distribution, "viewerCertificate"):
            names = {
                text(certificate.properties, "domainName"),
                *texts(certificate.properties, "subjectAlternativeNames"),
            }
            for alias in texts(distribution.properties, "aliases"):
                if not {alias, f"*.{alias.partition('.')[2]}"} & names:
                    yield Finding(
                        f"`aliases` has {alias}, which its certificate doesn't cover ({_EDGE}).", distribution.urn
                    )
            if own_region(certificate) not in (None, "us-east-1"):
                yield Finding(
                    f"`viewerCertificate` is in {own_region(certificate)}; CloudFront accepts only certificates in "
                    f"us-east-1 ({_EDGE}).",
                    distribution.urn,
                )
            algorithm = text(certificate.properties, "keyAlgorithm")
            if algorithm and algorithm not in _VIEWER_KEYS:
                yield Finding(
                    f"`viewerCertificate` has a key of `keyAlgorithm` {algorithm}; CloudFront accepts only "
                    f"{', '.join(_VIEWER_KEYS)} ({_IMPORTED}).",
                    distribution.urn,
                )


def _logs(plan: Plan) -> Findings:
    """Find load balancer logs that a bucket's policy doesn't let in; AWS checks that by writing a file."""
    policies = {text(one.properties, "bucket"): text(one.properties, "policy") for one in plan.all(_BUCKET_POLICY)}
    managed_keys = {
        text(one.properties, "bucket")
        for one in plan.all(_ENCRYPTION)
        for rule in blocks(one.properties, "rules")
        if (text(block(rule, "applyServerSideEncryptionByDefault"), "sseAlgorithm") or "").startswith("aws:kms")
    }
    for balancer in plan.all(*_BALANCERS):
        for key in ("accessLogs", "connectionLogs"):
            logs = block(balancer.properties, key)
            bucket, prefix = text(logs, "bucket"), text(logs, "prefix")
            written = policies.get(bucket) if given(logs, "enabled") and bucket else None
            if bucket in managed_keys:
                yield Finding(
                    f"`{key}` go to {bucket}, which encrypts with a KMS key; they need AES256 ({_LOGS}).",
                    balancer.urn,
                )
            if written and not _allows_writes(written, "/".join(filter(None, [bucket, prefix, "AWSLogs/"]))):
                yield Finding(
                    f"`{key}` go to a place that the policy of {bucket} doesn't allow ({_LOGS}).",
                    balancer.urn,
                )


def _allows_writes(policy: str, path: str) -> bool:
    """Tell whether a bucket's policy lets somebody write below a path; True if it can't be read, which others judge."""
    try:
        statements = json.loads(policy)["Statement"]
        return any(
            fnmatchcase("s3:PutObject", action) and _meets(resource.rpartition(":::")[2], path)
            for one in (statements if isinstance(statements, list) else [statements])
            if one["Effect"] == "Allow"
            for action in _several(one.get("Action", []))
            for resource in _several(one.get("Resource", []))
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return True


def _meets(pattern: str, path: str) -> bool:
    fixed = pattern.partition("*")[0]
    return fixed.startswith(path) or (path.startswith(fixed) and "*" in pattern)


def _several(value: Any) -> list[str]:  # noqa: ANN401 - what JSON gives
    return value if isinstance(value, list) else [value]


def _deliveries(plan: Plan) -> Findings:
    def ends(delivery: Resource) -> Hashable | None:
        source, destination = _origin(delivery, "deliverySourceName"), _origin(delivery, "deliveryDestinationArn")
        return None if source is None or destination is None else (source, destination)

    for delivery, other in _same(plan.all(_LOG_DELIVERY), ends):
        yield Finding(
            f"`deliverySourceName` and the destination are the same as those of {other} ({_DELIVERY}).", delivery.urn
        )
    for delivery in plan.all(_LOG_DELIVERY):
        for end in [
            *plan.behind(delivery, "deliverySourceName", _LOG_SOURCE),
            *plan.behind(delivery, "deliveryDestinationArn", _LOG_DESTINATION),
        ]:
            if own_region(end) and own_region(delivery) and own_region(end) != own_region(delivery):
                yield Finding(
                    f"`region` is {own_region(delivery)}, but {end.urn} is in {own_region(end)} ({_DELIVERY}).",
                    delivery.urn,
                )


def _log_sources(plan: Plan) -> Findings:
    for source in plan.all(_LOG_SOURCE):
        region, arn = own_region(source), text(source.properties, "resourceArn") or ""
        distribution = ":cloudfront:" in arn or plan.behind(source, "resourceArn", _DISTRIBUTION)
        kind = text(source.properties, "logType")
        if distribution and kind not in ("ACCESS_LOGS", "CONNECTION_LOGS", None):
            yield Finding(f"`logType` is {kind}, which a distribution doesn't write ({_STANDARD_LOGS}).", source.urn)
        if distribution and region and region != "us-east-1":
            yield Finding(
                f"`region` is {region}; the log source of a distribution must be in us-east-1 ({_STANDARD_LOGS}).",
                source.urn,
            )


def _scopes(plan: Plan) -> Findings:
    for acl in plan.all(_WEB_ACL):
        for addresses in plan.behind(acl, "rules", _IP_SET):
            if text(acl.properties, "scope") != text(addresses.properties, "scope"):
                yield Finding(f"`scope` differs from that of {addresses.urn}, which it uses ({_WAF}).", acl.urn)
    for distribution in plan.all(_DISTRIBUTION):
        for acl in plan.behind(distribution, "webAclId", _WEB_ACL):
            if text(acl.properties, "scope") != "CLOUDFRONT":
                yield Finding(f"`webAclId` is a web ACL with another scope than CLOUDFRONT ({_WAF}).", distribution.urn)


def _records(plan: Plan) -> Findings:
    names: dict[tuple[str | None, str], list[Resource]] = defaultdict(list)
    for record in plan.all(_DNS_RECORD):
        if name := text(record.properties, "name"):
            names[text(record.properties, "zoneId"), name.lower().rstrip(".")].append(record)
    for (_, name), records in names.items():
        kinds = [text(record.properties, "type") for record in records]
        if len(records) > 1 and "CNAME" in kinds:
            yield Finding(
                f"`name` {name} has a CNAME and another record; a CNAME must be the only one ({_RECORD}).",
                records[-1].urn,
            )


_CHECKS: Final[Sequence[Callable[[Plan], Findings]]] = (
    _deliveries,
    _group_rules,
    _listeners,
    _log_sources,
    _logs,
    _viewer_certificates,
    _records,
    _scopes,
    _targets,
)


def _refused(resources: Sequence[Resource], _: Judgement) -> Findings:
    plan = Plan(resources)
    for check in _CHECKS:
        yield from check(plan)


RULES: Final = (
    Rule(
        id="refused-between-resources",
        title="AWS and Cloudflare accept a stack's resources in combination.",
        remedy="Change one of the resources, as the violation says.",
        source=f"{_API}/API_CreateRule.html",
        severity=Severity.HIGH,
        check=_refused,
        scope=Scope.STACK,
        types=frozenset(
            {
                *_BALANCERS,
                *_LISTENERS,
                *_RULES,
                *_TARGETS,
                _GROUP,
                _INGRESS,
                _EGRESS,
                _CERTIFICATE,
                _VALIDATION,
                _DISTRIBUTION,
                _BUCKET_POLICY,
                _LOG_DELIVERY,
                _LOG_SOURCE,
                _LOG_DESTINATION,
                _WEB_ACL,
                _ENCRYPTION,
                _IP_SET,
                _DNS_RECORD,
            }
        ),
    ),
)
