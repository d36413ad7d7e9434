"""Resource types along the entry point. If the SDK has several names for a resource, all of them are listed."""

from __future__ import annotations

from typing import Final

_BALANCING: Final = ("lb", "alb", "elasticloadbalancingv2", "applicationloadbalancing")
"""Modules with the same resources: `elasticloadbalancingv2` and `applicationloadbalancing` are the SDK's old names."""


def _balancing(name: str) -> frozenset[str]:
    return frozenset(f"aws:{module}/{name[:1].lower()}{name[1:]}:{name}" for module in _BALANCING)


LOAD_BALANCER: Final = _balancing("LoadBalancer")
CLASSIC_LOAD_BALANCER: Final = frozenset(
    ("aws:elb/loadBalancer:LoadBalancer", "aws:elasticloadbalancing/loadBalancer:LoadBalancer")
)
LISTENER: Final = _balancing("Listener")
LISTENER_RULE: Final = _balancing("ListenerRule")
TARGET_GROUP: Final = _balancing("TargetGroup")
DISTRIBUTION: Final = frozenset(("aws:cloudfront/distribution:Distribution",))
HEADERS_POLICY: Final = frozenset(("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",))
CERTIFICATE: Final = frozenset(("aws:acm/certificate:Certificate",))
VALIDATION: Final = frozenset(("aws:acm/certificateValidation:CertificateValidation",))
LOG_SOURCE: Final = frozenset(("aws:cloudwatch/logDeliverySource:LogDeliverySource",))
LOG_DELIVERY: Final = frozenset(("aws:cloudwatch/logDelivery:LogDelivery",))
RECORD: Final = frozenset(("cloudflare:index/dnsRecord:DnsRecord", "cloudflare:index/record:Record"))
RULESET: Final = frozenset(("cloudflare:index/ruleset:Ruleset",))
ZONE_SETTING: Final = frozenset(("cloudflare:index/zoneSetting:ZoneSetting",))
PARAMETER: Final = frozenset(("aws:ssm/parameter:Parameter",))
SECRET: Final = frozenset(("aws:secretsmanager/secret:Secret",))
SECRET_VERSION: Final = frozenset(("aws:secretsmanager/secretVersion:SecretVersion",))
