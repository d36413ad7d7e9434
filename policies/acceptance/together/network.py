"""Security groups, their rules, and certificates."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from policies.acceptance.together.reading import blocks, given, number, text, texts
from policies.rulebook import Resource

_EC2: Final = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference"
_ACM: Final = "https://docs.aws.amazon.com/acm/latest"
_SOURCES: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_PUBLIC_KEYS: Final = ("RSA_2048", "EC_prime256v1", "EC_secp384r1")
"""Key algorithms of public certificates that ACM issues itself."""


def _rule(resource: Resource) -> Iterator[str]:
    inputs = resource.properties
    named = [key for key in _SOURCES if given(inputs, key)]
    if len(named) != 1:
        yield (
            f"It has {' and '.join(named) or 'none'} of {', '.join(_SOURCES)}; a rule needs exactly one "
            f"({_EC2}/API_IpPermission.html)."
        )
    for key, version in (("cidrIpv4", 4), ("cidrIpv6", 6)):
        if (addresses := text(inputs, key)) and not _is_network(addresses, version):
            yield (f"`{key}` isn't the first address of a network with its prefix length ({_EC2}/API_IpRange.html).")
    protocol = text(inputs, "ipProtocol")
    first, last = number(inputs, "fromPort"), number(inputs, "toPort")
    if protocol in ("tcp", "udp", "6", "17"):
        if (first is None and inputs.get("fromPort") is None) or (last is None and inputs.get("toPort") is None):
            yield f"`ipProtocol` is {protocol}, but `fromPort` or `toPort` is missing ({_EC2}/API_IpPermission.html)."
        if (first is not None and first < 0) or (last is not None and last < 0):
            yield f"`fromPort` or `toPort` is below 0, which only ICMP allows ({_EC2}/API_IpPermission.html)."
    icmp = protocol in ("icmp", "icmpv6", "1", "58")
    if icmp and any(edge is not None and not -1 <= edge <= 255 for edge in (first, last)):
        yield f"`fromPort` or `toPort` isn't an ICMP type or code (-1 to 255) ({_EC2}/API_IpPermission.html)."
    if not icmp and first is not None and last is not None and first > last:
        yield f"`fromPort` is higher than `toPort` ({_EC2}/API_IpPermission.html)."


def _is_network(addresses: str, version: int) -> bool:
    try:
        return ipaddress.ip_network(addresses).version == version
    except ValueError:
        return False


def _group(resource: Resource) -> Iterator[str]:
    if text(resource.properties, "name") == "default":
        yield f"`name` is default, the name of the group that AWS creates ({_EC2}/API_CreateSecurityGroup.html)."


def _certificate(resource: Resource) -> Iterator[str]:
    inputs = resource.properties
    algorithm = text(inputs, "keyAlgorithm")
    imported = given(inputs, "certificateAuthorityArn") or given(inputs, "privateKey")
    if algorithm and not imported and algorithm not in _PUBLIC_KEYS:
        yield (
            f"`keyAlgorithm` is {algorithm}; ACM issues public certificates only with {', '.join(_PUBLIC_KEYS)} "
            f"({_ACM}/userguide/acm-certificate-characteristics.html)."
        )
    names = {name for name in [text(inputs, "domainName"), *texts(inputs, "subjectAlternativeNames")] if name}
    for index, option in enumerate(blocks(inputs, "validationOptions")):
        name, domain = text(option, "domainName"), text(option, "validationDomain")
        if name and name not in names:
            yield (
                f"`validationOptions.{index}.domainName` isn't a name of the certificate "
                f"({_ACM}/APIReference/API_DomainValidationOption.html)."
            )
        if name and domain and name != domain and not name.endswith(f".{domain}"):
            yield (
                f"`validationOptions.{index}.validationDomain` isn't a parent of its domain "
                f"({_ACM}/APIReference/API_DomainValidationOption.html)."
            )


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "aws:acm/certificate:Certificate": (_certificate,),
    "aws:ec2/securityGroup:SecurityGroup": (_group,),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (_rule,),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (_rule,),
}
"""Resource type -> its checks."""
