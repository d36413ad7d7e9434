"""CloudFront distributions and response headers policies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from policies.acceptance.together.reading import block, blocks, given, number, repeated, text, texts, uncertain
from policies.rulebook import Json, Resource

_GUIDE: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide"
_API: Final = "https://docs.aws.amazon.com/cloudfront/latest/APIReference"

_METHODS: Final = (
    {"GET", "HEAD"},
    {"GET", "HEAD", "OPTIONS"},
    {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"},
)


def _behaviours(resource: Resource) -> Iterator[tuple[str, Mapping[str, Json]]]:
    if default := block(resource.properties, "defaultCacheBehavior"):
        yield "defaultCacheBehavior", default
    for index, behaviour in enumerate(blocks(resource.properties, "orderedCacheBehaviors")):
        yield f"orderedCacheBehaviors.{index}", behaviour


def _methods(resource: Resource) -> Iterator[str]:
    for path, behaviour in _behaviours(resource):
        allowed, cached = set(texts(behaviour, "allowedMethods")), set(texts(behaviour, "cachedMethods"))
        if allowed and allowed not in _METHODS:
            yield (
                f"`{path}.allowedMethods` is none of the three sets: GET and HEAD; GET, HEAD and OPTIONS; all seven "
                f"methods ({_API}/API_AllowedMethods.html)."
            )
        if cached and cached not in _METHODS[:2]:
            yield (
                f"`{path}.cachedMethods` is neither GET and HEAD nor GET, HEAD and OPTIONS "
                f"({_API}/API_CachedMethods.html)."
            )
        if allowed and not cached <= allowed:
            yield f"`{path}.cachedMethods` has a method that `allowedMethods` lacks ({_API}/API_CachedMethods.html)."


def _behaviour_settings(resource: Resource) -> Iterator[str]:
    names = {text(origin, "originId") for origin in blocks(resource.properties, "origins")}
    names |= {text(group, "originId") for group in blocks(resource.properties, "originGroups")}
    for path, behaviour in _behaviours(resource):
        target = text(behaviour, "targetOriginId")
        if target and not uncertain(resource, "origins", "originGroups") and None not in names and target not in names:
            yield f"`{path}.targetOriginId` doesn't name an origin of the distribution ({_API}/API_CacheBehavior.html)."
        if not given(behaviour, "cachePolicyId") and not given(behaviour, "forwardedValues"):
            yield f"`{path}` has neither `cachePolicyId` nor `forwardedValues` ({_API}/API_CacheBehavior.html)."
        if given(behaviour, "cachePolicyId") and given(behaviour, "forwardedValues"):
            yield (
                f"`{path}` has both `cachePolicyId` and `forwardedValues`; set only one of them "
                f"({_API}/API_CacheBehavior.html)."
            )
        if given(behaviour, "originRequestPolicyId") and given(behaviour, "forwardedValues"):
            yield (
                f"`{path}` has both `originRequestPolicyId` and `forwardedValues`; set only one of them "
                f"({_API}/API_CacheBehavior.html)."
            )
        if given(behaviour, "trustedKeyGroups") and given(behaviour, "trustedSigners"):
            yield (
                f"`{path}` has both `trustedKeyGroups` and `trustedSigners`; set only one of them "
                f"({_API}/API_CacheBehavior.html)."
            )
        if block(behaviour, "grpcConfig").get("enabled") is True:
            yield from _grpc(path, behaviour, text(resource.properties, "httpVersion") or "http2")
        limits = [number(behaviour, key) for key in ("minTtl", "defaultTtl", "maxTtl")]
        known = [limit for limit in limits if limit is not None]
        if known != sorted(known):
            yield f"`{path}` has TTLs that don't ascend: minTtl, defaultTtl, maxTtl ({_GUIDE}/Expiration.html)."
        for key in ("functionAssociations", "lambdaFunctionAssociations"):
            for event in repeated(text(item, "eventType") for item in blocks(behaviour, key)):
                yield f"`{path}.{key}` has the event {event} twice ({_API}/API_FunctionAssociation.html)."
        for item in blocks(behaviour, "functionAssociations"):
            if (event := text(item, "eventType")) and event.startswith("origin-"):
                yield (
                    f"`{path}.functionAssociations` has {event}; CloudFront functions run only at the viewer "
                    f"({_API}/API_FunctionAssociation.html)."
                )


def _grpc(path: str, behaviour: Mapping[str, Json], version: str) -> Iterator[str]:
    if "POST" not in texts(behaviour, "allowedMethods"):
        yield f"`{path}.grpcConfig` is enabled, but `allowedMethods` has no POST ({_API}/API_GrpcConfig.html)."
    if not version.startswith("http2"):
        yield f"`{path}.grpcConfig` is enabled, which needs an `httpVersion` of http2 ({_API}/API_GrpcConfig.html)."


def _paths(resource: Resource) -> Iterator[str]:
    ordered = blocks(resource.properties, "orderedCacheBehaviors")
    for pattern in repeated(found for behaviour in ordered if (found := text(behaviour, "pathPattern"))):
        yield f"`orderedCacheBehaviors` has the `pathPattern` {pattern} twice ({_API}/API_CacheBehavior.html)."


def _groups(resource: Resource) -> Iterator[str]:
    names = {text(origin, "originId") for origin in blocks(resource.properties, "origins")}
    for index, group in enumerate(blocks(resource.properties, "originGroups")):
        if text(group, "originId") in names:
            yield f"`originGroups.{index}.originId` is also the id of an origin ({_API}/API_OriginGroup.html)."
        members = {text(item, "originId") for item in blocks(group, "members")} - {None}
        if None not in names and not uncertain(resource, "origins") and not members <= names:
            yield f"`originGroups.{index}.members` doesn't name an origin ({_API}/API_OriginGroupMember.html)."


def _origins(resource: Resource) -> Iterator[str]:
    origins = blocks(resource.properties, "origins")
    for name in repeated(name for origin in origins if (name := text(origin, "originId"))):
        yield f"Two `origins` have the `originId` {name} ({_API}/API_Origins.html)."
    for index, origin in enumerate(origins):
        names = (name.lower() for header in blocks(origin, "customHeaders") if (name := text(header, "name")))
        for name in repeated(names):
            yield (
                f"`origins.{index}.customHeaders` has the header {name} twice "
                f"({_GUIDE}/add-origin-custom-headers.html)."
            )
        kinds = [key for key in ("customOriginConfig", "s3OriginConfig", "vpcOriginConfig") if given(origin, key)]
        if not kinds and ".s3" not in (text(origin, "domainName") or ".s3"):
            yield f"`origins.{index}` has no `customOriginConfig`, but isn't a bucket ({_API}/API_Origin.html)."
        if len(kinds) > 1:
            yield f"`origins.{index}` has {' and '.join(kinds)}; set only one of them ({_API}/API_Origin.html)."
        if given(origin, "originAccessControlId") and given(block(origin, "s3OriginConfig"), "originAccessIdentity"):
            yield (
                f"`origins.{index}` has both an access control and an access identity; set only one of them "
                f"({_API}/API_Origin.html)."
            )
        if "s3OriginConfig" in kinds and ".s3-website" in (text(origin, "domainName") or ""):
            yield (
                f"`origins.{index}` is a bucket's website, which needs `customOriginConfig` "
                f"({_GUIDE}/DownloadDistS3AndCustomOrigins.html)."
            )
        shield = block(origin, "originShield")
        if shield.get("enabled") is True and not given(shield, "originShieldRegion"):
            yield f"`origins.{index}.originShield` has no `originShieldRegion` ({_API}/API_OriginShield.html)."


def _names(resource: Resource) -> Iterator[str]:
    aliases = texts(resource.properties, "aliases")
    for name in repeated(name.lower() for name in aliases):
        yield f"`aliases` has {name} twice ({_API}/API_Aliases.html)."
    certificate = block(resource.properties, "viewerCertificate")
    own = [key for key in ("acmCertificateArn", "iamCertificateId") if given(certificate, key)]
    if aliases and certificate.get("cloudfrontDefaultCertificate") is True:
        yield (
            "`aliases` needs a certificate of your own, but `viewerCertificate` has CloudFront's default certificate "
            f"({_GUIDE}/cnames-and-https-requirements.html)."
        )
    if len(own) > 1:
        yield f"`viewerCertificate` has {' and '.join(own)}; set only one of them ({_API}/API_ViewerCertificate.html)."
    if own and not given(certificate, "sslSupportMethod"):
        yield f"`viewerCertificate` has a certificate, but no `sslSupportMethod` ({_API}/API_ViewerCertificate.html)."
    if text(certificate, "sslSupportMethod") == "sni-only" and text(certificate, "minimumProtocolVersion") == "SSLv3":
        yield (
            "`viewerCertificate` has sni-only with SSLv3, but needs TLSv1 or later "
            f"({_API}/API_ViewerCertificate.html)."
        )


def _errors_and_places(resource: Resource) -> Iterator[str]:
    restriction = block(block(resource.properties, "restrictions"), "geoRestriction")
    kind = text(restriction, "restrictionType")
    if kind == "none" and given(restriction, "locations"):
        yield f"`restrictions.geoRestriction` is none, but has `locations` ({_API}/API_GeoRestriction.html)."
    if kind in ("whitelist", "blacklist") and not given(restriction, "locations"):
        yield f"`restrictions.geoRestriction` is {kind}, but has no `locations` ({_API}/API_GeoRestriction.html)."
    responses = blocks(resource.properties, "customErrorResponses")
    for code in repeated(found for response in responses if (found := number(response, "errorCode")) is not None):
        yield f"`customErrorResponses` has the code {code:g} twice ({_API}/API_CustomErrorResponses.html)."
    for index, response in enumerate(responses):
        if given(response, "responsePagePath") != given(response, "responseCode"):
            yield (
                f"`customErrorResponses.{index}` has one of `responsePagePath` and `responseCode`; it takes both or "
                "none "
                f"({_API}/API_CustomErrorResponse.html)."
            )


def _headers(resource: Resource) -> Iterator[str]:
    protection = block(block(resource.properties, "securityHeadersConfig"), "xssProtection")
    if given(protection, "reportUri") and protection.get("modeBlock") is True:
        yield (
            "`xssProtection` has both `reportUri` and `modeBlock`; set only one of them "
            f"({_API}/API_ResponseHeadersPolicyXSSProtection.html)."
        )
    if given(protection, "reportUri") and protection.get("protection") is False:
        yield (
            f"`xssProtection` has `reportUri`, but no protection ({_API}/API_ResponseHeadersPolicyXSSProtection.html)."
        )
    timing = block(resource.properties, "serverTimingHeadersConfig")
    if timing.get("enabled") is True and timing.get("samplingRate") is None:
        yield (
            "`serverTimingHeadersConfig` is enabled, but has no `samplingRate` "
            f"({_API}/API_ResponseHeadersPolicyServerTimingHeadersConfig.html)."
        )
    custom = blocks(block(resource.properties, "customHeadersConfig"), "items")
    for name in repeated(name.lower() for header in custom if (name := text(header, "header"))):
        yield f"`customHeadersConfig` has the header {name} twice ({_API}/API_ResponseHeadersPolicyCustomHeader.html)."


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "aws:cloudfront/distribution:Distribution": (
        _methods,
        _behaviour_settings,
        _origins,
        _groups,
        _paths,
        _names,
        _errors_and_places,
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (_headers,),
}
"""Resource type -> its checks."""
