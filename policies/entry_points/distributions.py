"""Distributions: TLS on both sides, the header secret, everything forwarded and nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.entry_points import header
from policies.entry_points.kinds import DISTRIBUTION, HEADERS_POLICY, LOG_DELIVERY
from policies.rulebook import UNKNOWN, Finding, Judgement, Resource, Rule, Severity

_GUIDE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"

_CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_VIEWER: Final = "216adef6-5c7f-47e4-b989-5492eafa07d3"
_VIEWER_TLS: Final = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
_YEAR: Final = 31_536_000
"""Seconds that browsers remember to use TLS, at least: https://hstspreload.org/"""
_TELLING_FIELDS: Final = frozenset(("cs-uri-query", "cs(Cookie)", "cs(Referer)"))
"""Fields of access logs that hold what a sign-in sends along: its code, its state, its session."""


def _behaviours(distribution: Resource) -> Iterator[str]:
    yield "defaultCacheBehavior"
    for index, _ in enumerate(distribution.items("orderedCacheBehaviors")):
        yield f"orderedCacheBehaviors.{index}"


def _weak_tls(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    path = "viewerCertificate"
    if distribution.flag(f"{path}.cloudfrontDefaultCertificate", False):
        yield Finding(f"`{path}` is CloudFront's own, which takes TLS 1.0.")
    elif distribution.text(f"{path}.minimumProtocolVersion") not in _VIEWER_TLS:
        yield Finding(f"`{path}.minimumProtocolVersion` is none of {', '.join(_VIEWER_TLS)}.")


def _plain_viewers(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for path in _behaviours(distribution):
        if distribution.text(f"{path}.viewerProtocolPolicy") not in ("https-only", "redirect-to-https"):
            yield Finding(f"`{path}.viewerProtocolPolicy` lets requests come without TLS.")


def _plain_origin(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for index, _origin in enumerate(distribution.items("origins")):
        path = f"origins.{index}.customOriginConfig"
        if distribution.get(path) is None:
            yield Finding(f"`origins.{index}` has no `customOriginConfig`, so it isn't the load balancer.")
            continue
        if distribution.text(f"{path}.originProtocolPolicy") != "https-only":
            yield Finding(f"`{path}.originProtocolPolicy` isn't `https-only`.")
        protocols = distribution.items(f"{path}.originSslProtocols")
        if [distribution.text(f"{path}.originSslProtocols.{at}") for at, _ in enumerate(protocols)] != ["TLSv1.2"]:
            yield Finding(f"`{path}.originSslProtocols` isn't TLS 1.2 alone.")


def _without_header(distribution: Resource, judgement: Judgement) -> Iterator[Finding]:
    origins = distribution.items("origins")
    if not origins:
        yield Finding("It has no `origins`.")
    for index, _ in enumerate(origins):
        if len(list(header.sent_paths(distribution, index, judgement))) != 1:
            yield Finding(f"`origins.{index}` doesn't send `{judgement.config['header']}` once.")


def _cached(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for path in _behaviours(distribution):
        if distribution.text_or_none(f"{path}.cachePolicyId") != _CACHING_DISABLED:
            yield Finding(f"`{path}.cachePolicyId` isn't that of CachingDisabled.")
        if distribution.get(f"{path}.forwardedValues") is not None:
            yield Finding(f"`{path}.forwardedValues` brings CloudFront's own caching back.")


def _withheld(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for path in _behaviours(distribution):
        if distribution.text_or_none(f"{path}.originRequestPolicyId") != _ALL_VIEWER:
            yield Finding(f"`{path}.originRequestPolicyId` isn't that of AllViewer.")


def _without_security_headers(resource: Resource, _: Judgement) -> Iterator[Finding]:
    if resource.type in HEADERS_POLICY:
        path = "securityHeadersConfig.strictTransportSecurity"
        age = resource.get(f"{path}.accessControlMaxAgeSec")
        lasts = isinstance(age, int | float) and age >= _YEAR
        if not lasts or not resource.flag(f"{path}.override", False):
            yield Finding(f"`{path}` doesn't have browsers use TLS for a year, whatever the application says.")
        return
    for path in _behaviours(resource):
        # The policy's id is known once it is made.
        policy = f"{path}.responseHeadersPolicyId"
        if resource.get(policy) is not UNKNOWN and not resource.text_or_none(policy):
            yield Finding(f"`{policy}` is missing.")


def _code_at_the_edge(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for path in _behaviours(distribution):
        for name in ("functionAssociations", "lambdaFunctionAssociations"):
            if distribution.items(f"{path}.{name}"):
                yield Finding(f"`{path}.{name}` has code answer or change requests before the load balancer sees them.")


def _logged_sign_in(resource: Resource, _: Judgement) -> Iterator[Finding]:
    if resource.type not in LOG_DELIVERY:
        if resource.get("loggingConfig") is not None:
            yield Finding("`loggingConfig` logs query strings, in which the code of a sign-in travels.")
        return
    fields = [resource.text(f"recordFields.{index}") for index, _ in enumerate(resource.items("recordFields"))]
    if not fields:
        yield Finding("`recordFields` is missing, so that query strings are logged, in which a sign-in's code travels.")
    for field in sorted(_TELLING_FIELDS.intersection(fields)):
        yield Finding(f"`recordFields` holds `{field}`, in which parts of a sign-in travel.")


RULES: Final = (
    Rule(
        id="weak-viewer-tls",
        title="Viewers reach a distribution with TLS 1.2 of 2021 or newer.",
        remedy="Set `minimumProtocolVersion` to `TLSv1.2_2025`, with a certificate of your own.",
        source=_GUIDE + "secure-connections-supported-viewer-protocols-ciphers.html",
        severity=Severity.HIGH,
        check=_weak_tls,
        types=DISTRIBUTION,
    ),
    Rule(
        id="viewers-without-tls",
        title="Distributions answer over TLS only.",
        remedy="Set `viewerProtocolPolicy` of each behaviour to `https-only`.",
        source=_GUIDE + "using-https-viewers-to-cloudfront.html",
        severity=Severity.HIGH,
        check=_plain_viewers,
        types=DISTRIBUTION,
    ),
    Rule(
        id="origin-without-tls",
        title="Distributions reach their origins over TLS 1.2 only.",
        remedy="Set `originProtocolPolicy` to `https-only` and `originSslProtocols` to `TLSv1.2` alone.",
        source=_GUIDE + "using-https-cloudfront-to-custom-origin.html",
        severity=Severity.HIGH,
        check=_plain_origin,
        types=DISTRIBUTION,
    ),
    Rule(
        id="origin-without-header",
        title="Distributions send the header secret to each origin.",
        remedy="Add it to `customHeaders` of the origin, once.",
        source=_GUIDE + "restrict-access-to-load-balancer.html",
        severity=Severity.HIGH,
        check=_without_header,
        types=DISTRIBUTION,
        config=header.HEADER,
    ),
    Rule(
        id="cached-behaviour",
        title="Nothing behind the sign-in is cached by CloudFront.",
        remedy="Give each behaviour the managed policy CachingDisabled: a cached page is served to whoever asks.",
        source=_GUIDE + "using-managed-cache-policies.html",
        severity=Severity.CRITICAL,
        check=_cached,
        types=DISTRIBUTION,
    ),
    Rule(
        id="incomplete-forwarding",
        title="Requests reach the load balancer whole.",
        remedy="Give each behaviour the managed policy AllViewer: the sign-in needs host, cookies and query string.",
        source=_GUIDE + "using-managed-origin-request-policies.html",
        severity=Severity.HIGH,
        check=_withheld,
        types=DISTRIBUTION,
    ),
    Rule(
        id="missing-security-headers",
        title="Answers carry the security headers.",
        remedy="Give each behaviour a response headers policy that sets strict transport security for a year.",
        source=_GUIDE + "understanding-response-headers-policies.html",
        severity=Severity.MEDIUM,
        check=_without_security_headers,
        types=DISTRIBUTION | HEADERS_POLICY,
    ),
    Rule(
        id="code-at-the-edge",
        title="No code at the edge answers for the load balancer.",
        remedy="Remove the association: what runs before the load balancer runs before the sign-in.",
        source=_GUIDE + "edge-functions.html",
        severity=Severity.MEDIUM,
        check=_code_at_the_edge,
        types=DISTRIBUTION,
    ),
    Rule(
        id="logged-sign-in",
        title="Access logs hold nothing of a sign-in.",
        remedy="Log through a log delivery with `recordFields`, without query string, cookies and referrer.",
        source=_GUIDE + "standard-logging.html",
        severity=Severity.HIGH,
        check=_logged_sign_in,
        types=DISTRIBUTION | LOG_DELIVERY,
    ),
)
