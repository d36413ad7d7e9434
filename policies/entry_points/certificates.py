"""Certificates: the ones of distributions and of the load balancer cover the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from policies.entry_points.hosts import aliases, origin_listeners, origins
from policies.entry_points.kinds import CERTIFICATE, DISTRIBUTION, VALIDATION
from policies.rulebook import UNKNOWN, Judgement, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each, sources

RULES: Final = Rules()

_GUIDE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"

_VIEWER_REGION: Final = "us-east-1"


def covers(names: Iterable[str], host: str) -> bool:
    """Tell whether a certificate for some names covers a host. A wildcard stands for one label.

    >>> covers(["*.example.com"], "a.example.com"), covers(["*.example.com"], "a.b.example.com")
    (True, False)
    """
    wildcard = "*." + host.partition(".")[2]
    return any(name.lower() in (host.lower(), wildcard.lower()) for name in names)


def _certificates(stack: Stack, resource: Resource, path: str) -> list[Resource]:
    """Return the certificates that a property refers to, directly or through their validations."""
    found = sources(stack, resource, path, CERTIFICATE)
    for validation in sources(stack, resource, path, VALIDATION):
        found += sources(stack, validation, "certificateArn", CERTIFICATE)
    return found


def _names(certificate: Resource) -> list[str]:
    return [certificate.text("domainName"), *certificate.texts("subjectAlternativeNames")]


@RULES.stack(
    "uncovered-host",
    title="The certificate of a distribution covers its hosts.",
    remedy=f"Give it a certificate that this stack creates in {_VIEWER_REGION}, with every alias among its names.",
    source=_GUIDE + "cnames-and-https-requirements.html",
    severity=Severity.HIGH,
)
@for_each(DISTRIBUTION)
def _uncovered(stack: Stack, distribution: Resource, _: Judgement) -> Iterator[str]:
    found = _certificates(stack, distribution, "viewerCertificate")
    if not found:
        yield "This stack doesn't create its certificate, so the gate can't tell which hosts it covers."
        return
    for host in aliases(distribution):
        if not any(covers(_names(certificate), host) for certificate in found):
            yield f"Its certificate doesn't cover `{host}`."
    for certificate in found:
        region = certificate.get("region")
        if (certificate.provider.get("region") if region is None or region is UNKNOWN else region) != _VIEWER_REGION:
            yield f"Its certificate isn't in {_VIEWER_REGION}, where CloudFront looks for it."


@RULES.stack(
    "uncovered-origin",
    title="The load balancer's certificate covers the origin's name or the hosts.",
    remedy="Add the origin's domain name to the listener's certificate; without it, CloudFront answers 502.",
    source=_GUIDE + "using-https-cloudfront-to-custom-origin.html",
    severity=Severity.MEDIUM,
)
@for_each(DISTRIBUTION)
def _uncovered_origin(stack: Stack, distribution: Resource, _: Judgement) -> Iterator[str]:
    for listener in origin_listeners(stack, distribution):
        names = [name for found in _certificates(stack, listener, "certificateArn") for name in _names(found)]
        for origin in origins(distribution):
            # CloudFront accepts a certificate for the origin's name or for the host that it forwards.
            if not covers(names, origin) and not all(covers(names, host) for host in aliases(distribution)):
                yield f"The load balancer's certificate covers neither `{origin}` nor the hosts."
