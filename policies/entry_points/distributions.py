"""Distributions: TLS on both sides, the header secret, everything forwarded and nothing cached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.entry_points import header
from policies.entry_points.kinds import DISTRIBUTION, HEADERS_POLICY, LOG_DELIVERY, LOG_SOURCE
from policies.rulebook import UNKNOWN, Finding, Judgement, Part, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each, sources, users

RULES: Final = Rules()

_GUIDE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"

_CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_VIEWER: Final = "216adef6-5c7f-47e4-b989-5492eafa07d3"
_VIEWER_TLS: Final = ("TLSv1.2_2021", "TLSv1.2_2025", "TLSv1.3_2025")
_YEAR: Final = 31_536_000
"""How many seconds browsers must remember to use TLS, at least: https://hstspreload.org/"""
_CLOUDFLARE_CACHING: Final = "Cloudflare-CDN-Cache-Control"
"""The header that tells Cloudflare, and no cache after it, what to cache."""
_SIGN_IN_FIELDS: Final = frozenset(("cs-uri-query", "cs(Cookie)", "cs(Referer)"))
"""Access log fields that hold parts of a sign-in: its code, its state, its session."""


def _behaviours(distribution: Resource) -> Iterator[Part]:
    yield distribution.at("defaultCacheBehavior")
    yield from distribution.parts("orderedCacheBehaviors")


@RULES.resource(
    "weak-viewer-tls",
    title="Distributions require TLS 1.2 or newer from viewers, with a security policy of 2021 or newer.",
    remedy="Set `minimumProtocolVersion` to `TLSv1.2_2025`, with a certificate of your own.",
    source=_GUIDE + "secure-connections-supported-viewer-protocols-ciphers.html",
    severity=Severity.HIGH,
    types=DISTRIBUTION,
)
def _weak_tls(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    path = "viewerCertificate"
    if distribution.flag(f"{path}.cloudfrontDefaultCertificate", default=False):
        yield Finding(f"`{path}` is CloudFront's default certificate, which accepts TLS 1.0.")
    elif distribution.text(f"{path}.minimumProtocolVersion") not in _VIEWER_TLS:
        yield Finding(f"`{path}.minimumProtocolVersion` is none of {', '.join(_VIEWER_TLS)}.")


@RULES.resource(
    "viewers-without-tls",
    title="Distributions answer viewers over TLS only, or redirect them to it.",
    remedy="Set `viewerProtocolPolicy` of each behaviour to `https-only`.",
    source=_GUIDE + "using-https-viewers-to-cloudfront.html",
    severity=Severity.HIGH,
    types=DISTRIBUTION,
)
def _plain_viewers(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for behaviour in _behaviours(distribution):
        if behaviour.text("viewerProtocolPolicy") not in ("https-only", "redirect-to-https"):
            yield Finding(f"`{behaviour.place('viewerProtocolPolicy')}` allows requests without TLS.")


@RULES.resource(
    "origin-without-tls",
    title="Distributions reach their origins over TLS 1.2 only.",
    remedy="Set `originProtocolPolicy` to `https-only` and `originSslProtocols` to `TLSv1.2` only.",
    source=_GUIDE + "using-https-cloudfront-to-custom-origin.html",
    severity=Severity.HIGH,
    types=DISTRIBUTION,
)
def _plain_origin(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for origin in distribution.parts("origins"):
        if origin.get("customOriginConfig") is None:
            yield Finding(f"`{origin.path}` has no `customOriginConfig`, so it isn't the load balancer.")
            continue
        config = origin.at("customOriginConfig")
        if config.text("originProtocolPolicy") != "https-only":
            yield Finding(f"`{config.place('originProtocolPolicy')}` isn't `https-only`.")
        if config.texts("originSslProtocols") != ["TLSv1.2"]:
            yield Finding(f"`{config.place('originSslProtocols')}` isn't `TLSv1.2` only.")


@RULES.resource(
    "origin-without-header",
    title="Distributions send the header secret to every origin.",
    remedy="Add the header to the origin's `customHeaders`, exactly once.",
    source=_GUIDE + "restrict-access-to-load-balancer.html",
    severity=Severity.HIGH,
    types=DISTRIBUTION,
    config=header.HEADER,
)
def _without_header(distribution: Resource, judgement: Judgement) -> Iterator[Finding]:
    origins = distribution.parts("origins")
    if not origins:
        yield Finding("It has no `origins`.")
    for origin in origins:
        if len(list(header.sent_paths(origin, judgement))) != 1:
            yield Finding(f"`{origin.path}` doesn't send `{judgement.config['header']}` exactly once.")


@RULES.resource(
    "cached-behaviour",
    title="CloudFront caches nothing that is behind the sign-in.",
    remedy="Give each behaviour the managed policy CachingDisabled: a cached page is served to anyone who asks for it.",
    source=_GUIDE + "using-managed-cache-policies.html",
    severity=Severity.CRITICAL,
    types=DISTRIBUTION,
)
def _cached(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for behaviour in _behaviours(distribution):
        if behaviour.text_or_none("cachePolicyId") != _CACHING_DISABLED:
            yield Finding(f"`{behaviour.place('cachePolicyId')}` isn't the id of CachingDisabled.")
        if behaviour.get("forwardedValues") is not None:
            yield Finding(f"`{behaviour.place('forwardedValues')}` turns CloudFront's own caching on again.")


@RULES.stack(
    "cacheable-host",
    title="Cloudflare caches nothing from a distribution's hosts.",
    remedy="Give all behaviours the same response headers policy of this stack, which sets the header "
    f"`{_CLOUDFLARE_CACHING}: no-store` with `override` true.",
    source="https://developers.cloudflare.com/cache/concepts/cdn-cache-control/",
    severity=Severity.CRITICAL,
)
@for_each(DISTRIBUTION)
def _cacheable(stack: Stack, distribution: Resource, _: Judgement) -> Iterator[str]:
    default, *others = _behaviours(distribution)
    policies = sources(stack, distribution, "defaultCacheBehavior", HEADERS_POLICY)
    shared = all(other.get("responseHeadersPolicyId") == default.get("responseHeadersPolicyId") for other in others)
    # Two unknown ids look the same, so the resources that they come from are compared as well.
    if others and sources(stack, distribution, "orderedCacheBehaviors", HEADERS_POLICY) != policies:
        shared = False
    if len(policies) != 1 or not shared:
        yield "Its behaviours don't all use one response headers policy of this stack."
    for policy in policies:
        if not _forbids_caching(policy):
            yield f"Cloudflare may cache its responses: `{policy.name}` doesn't set `{_CLOUDFLARE_CACHING}: no-store`."


def _forbids_caching(policy: Resource) -> bool:
    """Tell whether a response headers policy keeps Cloudflare from caching, whatever the application says."""
    headers = [
        header
        for header in policy.parts("customHeadersConfig.items")
        if header.text("header").lower() == _CLOUDFLARE_CACHING.lower()
    ]
    return bool(headers) and all(
        header.text("value") == "no-store" and header.flag("override", default=False) for header in headers
    )


@RULES.resource(
    "incomplete-forwarding",
    title="Distributions forward all headers, cookies and query strings to the load balancer.",
    remedy="Give each behaviour the managed policy AllViewer: the sign-in needs host, cookies and query string.",
    source=_GUIDE + "using-managed-origin-request-policies.html",
    severity=Severity.HIGH,
    types=DISTRIBUTION,
)
def _withheld(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for behaviour in _behaviours(distribution):
        if behaviour.text_or_none("originRequestPolicyId") != _ALL_VIEWER:
            yield Finding(f"`{behaviour.place('originRequestPolicyId')}` isn't the id of AllViewer.")


@RULES.resource(
    "missing-security-headers",
    title="Responses carry a strict transport security header for at least a year.",
    remedy="Give each behaviour a response headers policy that sets strict transport security for a year.",
    source=_GUIDE + "understanding-response-headers-policies.html",
    severity=Severity.MEDIUM,
    types=DISTRIBUTION | HEADERS_POLICY,
)
def _without_security_headers(resource: Resource, _: Judgement) -> Iterator[Finding]:
    if resource.type in HEADERS_POLICY:
        path = "securityHeadersConfig.strictTransportSecurity"
        age = resource.get(f"{path}.accessControlMaxAgeSec")
        lasts = isinstance(age, int | float) and age >= _YEAR
        if not lasts or not resource.flag(f"{path}.override", default=False):
            yield Finding(f"`{path}` doesn't make browsers use TLS for a year, whatever the application says.")
        return
    for behaviour in _behaviours(resource):
        # The policy's id is unknown until the policy has been created.
        policy = "responseHeadersPolicyId"
        if behaviour.get(policy) is not UNKNOWN and not behaviour.text_or_none(policy):
            yield Finding(f"`{behaviour.place(policy)}` is missing.")


@RULES.resource(
    "code-at-the-edge",
    title="No code runs at the edge.",
    remedy="Remove the association: code that runs before the load balancer also runs before the sign-in.",
    source=_GUIDE + "edge-functions.html",
    severity=Severity.MEDIUM,
    types=DISTRIBUTION,
)
def _code_at_the_edge(distribution: Resource, _: Judgement) -> Iterator[Finding]:
    for behaviour in _behaviours(distribution):
        for name in ("functionAssociations", "lambdaFunctionAssociations"):
            if behaviour.items(name):
                yield Finding(f"`{behaviour.place(name)}` lets code change requests or responses, or answer by itself.")


@RULES.resource(
    "logged-sign-in",
    title="Access logs hold no part of a sign-in.",
    remedy="Use a log delivery whose `recordFields` leave out the query string, the cookies and the referrer.",
    source=_GUIDE + "standard-logging.html",
    severity=Severity.HIGH,
    types=DISTRIBUTION | LOG_DELIVERY,
)
def _logged_sign_in(resource: Resource, _: Judgement) -> Iterator[Finding]:
    if resource.type not in LOG_DELIVERY:
        if resource.get("loggingConfig") is not None:
            yield Finding("`loggingConfig` logs query strings, which hold the code of a sign-in.")
        return
    fields = resource.texts("recordFields")
    if not fields:
        yield Finding("`recordFields` is missing, so query strings are logged, which hold the code of a sign-in.")
    for field in sorted(_SIGN_IN_FIELDS.intersection(fields)):
        yield Finding(f"`recordFields` has `{field}`, which holds parts of a sign-in.")


@RULES.stack(
    "distribution-not-logged",
    title="Every distribution's access logs are delivered.",
    remedy="Create a log delivery source for the distribution, and a delivery to a destination.",
    source=_GUIDE + "standard-logging.html",
    severity=Severity.MEDIUM,
)
@for_each(DISTRIBUTION)
def _not_logged(stack: Stack, distribution: Resource, _: Judgement) -> Iterator[str]:
    delivered = [
        delivery
        for source in users(stack, distribution, "resourceArn", LOG_SOURCE)
        for delivery in stack.only(LOG_DELIVERY)
        if source in sources(stack, delivery, "deliverySourceName", LOG_SOURCE)
        or delivery.get("deliverySourceName") == source.text("name")
    ]
    if not delivered:
        yield "No log delivery sends its access logs to a destination."
