"""The way in as a whole: each host leads through Cloudflare, a distribution and the load balancer to its rule.

What leads where is told from where values come from, since most of the values are known only once the resources are
made. A value that is written down instead of taken from the resource leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from policies.entry_points import header, listener_rules
from policies.entry_points.cache_bypass import CACHE_PHASE, bypassed
from policies.entry_points.kinds import (
    CERTIFICATE,
    DISTRIBUTION,
    EGRESS_RULE,
    INGRESS_RULE,
    LISTENER,
    LISTENER_RULE,
    LOAD_BALANCER,
    LOG_DELIVERY,
    LOG_SOURCE,
    RECORD,
    RULESET,
    SECURITY_GROUP,
    TARGET_GROUP,
    VALIDATION,
)
from policies.entry_points.links import Links, covers
from policies.entry_points.network import GROUP_TYPES, Opening, openings
from policies.rulebook import UNKNOWN, Finding, Judgement, Resource, Rule, Scope, Severity, Unjudgeable

_CLOUDFRONT: Final = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/"
_BALANCING: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"

_VIEWER_REGION: Final = "us-east-1"

Check = Callable[[Links, Resource, Judgement], Iterable[str]]


def _for_each(
    types: frozenset[str], check: Check, resources: Sequence[Resource], judgement: Judgement
) -> Iterator[Finding]:
    """Judge each resource of some types by its links; what can't be judged about one doesn't end the rule."""
    links = Links(resources)
    for resource in links.of(types):
        try:
            for message in check(links, resource, judgement):
                yield Finding(message, resource.urn)
        except Unjudgeable as unjudgeable:
            yield Finding(f"{unjudgeable}.", resource.urn)


def _aliases(distribution: Resource) -> list[str]:
    """Return the hosts of a distribution.

    Raises:
        Unjudgeable: it has none: then it is reached under a name that no record, certificate or rule is about.
    """
    hosts = [distribution.text(f"aliases.{index}").lower() for index, _ in enumerate(distribution.items("aliases"))]
    if not hosts:
        raise Unjudgeable("aliases", "is missing; the gate needs the distribution's hosts", distribution.urn)
    return hosts


def _origins(distribution: Resource) -> list[str]:
    """Return the domain names of a distribution's origins."""
    names = enumerate(distribution.items("origins"))
    return [distribution.text(f"origins.{index}.domainName").lower() for index, _ in names]


def _is_named(record: Resource, host: str) -> bool:
    name = record.get("name")
    return isinstance(name, str) and name.lower() == host


# --- Cloudflare ---


def _without_record(links: Links, distribution: Resource, _: Judgement) -> Iterator[str]:
    for host in _aliases(distribution):
        records = [record for record in links.of(RECORD) if _is_named(record, host)]
        if not records:
            yield f"`{host}` has no record."
        for record in records:
            if not record.flag("proxied", False):
                yield f"The record of `{host}` isn't proxied."
            if links.behind(record, "content", DISTRIBUTION) != [distribution]:
                yield f"A record of `{host}` doesn't lead to this distribution."


def _cacheable(links: Links, distribution: Resource, _: Judgement) -> Iterator[str]:
    for host in _aliases(distribution):
        zones = {record.text("zoneId") for record in links.of(RECORD) if _is_named(record, host)}
        for zone in sorted(zones) or [""]:
            rulesets = [
                ruleset
                for ruleset in links.of(RULESET)
                if ruleset.text("phase") == CACHE_PHASE and ruleset.text("zoneId") == zone
            ]
            if not bypassed(rulesets, host):
                yield f"Cloudflare may cache answers of `{host}`: no cache rule bypasses it, or a later one undoes it."


def _origin_elsewhere(links: Links, distribution: Resource, _: Judgement) -> Iterator[str]:
    for origin in _origins(distribution):
        records = [record for record in links.of(RECORD) if _is_named(record, origin)]
        if not records:
            yield f"The origin `{origin}` has no record in this stack."
        for record in records:
            if record.flag("proxied", False):
                yield f"The record of the origin `{origin}` is proxied, which leads back through Cloudflare."
            if len(links.behind(record, "content", LOAD_BALANCER)) != 1:
                yield f"The record of the origin `{origin}` doesn't lead to a load balancer of this stack."


# --- certificates ---


def _certificates(links: Links, resource: Resource, path: str) -> list[Resource]:
    """Return the certificates that a property leads to, at once or by way of their validation."""
    found = links.behind(resource, path, CERTIFICATE)
    for validation in links.behind(resource, path, VALIDATION):
        found += links.behind(validation, "certificateArn", CERTIFICATE)
    return found


def _names(certificate: Resource) -> list[str]:
    others = enumerate(certificate.items("subjectAlternativeNames"))
    return [
        certificate.text("domainName"),
        *(certificate.text(f"subjectAlternativeNames.{index}") for index, _ in others),
    ]


def _uncovered(links: Links, distribution: Resource, _: Judgement) -> Iterator[str]:
    found = _certificates(links, distribution, "viewerCertificate")
    if not found:
        yield "Its certificate isn't made by this stack, so the gate can't tell which hosts it covers."
        return
    for host in _aliases(distribution):
        if not any(covers(_names(certificate), host) for certificate in found):
            yield f"Its certificate doesn't cover `{host}`."
    for certificate in found:
        region = certificate.get("region")
        if (certificate.provider.get("region") if region is None or region is UNKNOWN else region) != _VIEWER_REGION:
            yield f"Its certificate isn't in {_VIEWER_REGION}, where CloudFront looks for it."


def _uncovered_origin(links: Links, distribution: Resource, _: Judgement) -> Iterator[str]:
    for balancer in _origin_balancers(links, distribution):
        for listener in links.before(LISTENER, "loadBalancerArn", balancer):
            names = [name for found in _certificates(links, listener, "certificateArn") for name in _names(found)]
            for origin in _origins(distribution):
                # CloudFront takes a certificate for the origin's name or for the host that it forwards.
                if not covers(names, origin) and not all(covers(names, host) for host in _aliases(distribution)):
                    yield f"The load balancer's certificate covers neither `{origin}` nor the hosts."


def _origin_balancers(links: Links, distribution: Resource) -> list[Resource]:
    return [
        balancer
        for origin in _origins(distribution)
        for record in links.of(RECORD)
        if _is_named(record, origin)
        for balancer in links.behind(record, "content", LOAD_BALANCER)
    ]


# --- load balancer ---


def _without_rule(links: Links, distribution: Resource, judgement: Judgement) -> Iterator[str]:
    listeners = [
        listener
        for balancer in _origin_balancers(links, distribution)
        for listener in links.before(LISTENER, "loadBalancerArn", balancer)
    ]
    rules = [rule for listener in listeners for rule in links.before(LISTENER_RULE, "listenerArn", listener)]
    for host in _aliases(distribution):
        own = [rule for rule in rules if host in [name.lower() for name in listener_rules.hosts(rule)]]
        if not any("forward" in [action.kind for action in listener_rules.actions(rule)] for rule in own):
            yield f"No rule of the load balancer leads `{host}` to a target."
        for rule in own:
            # Compared, never shown.
            accepted, sent = (
                {resource.text(path) for path in header.value_paths(resource, judgement)}
                for resource in (rule, distribution)
            )
            if not sent <= accepted:
                yield f"A rule for `{host}` doesn't accept the header secret that the distribution sends."


def _shared_session(links: Links, rule: Resource, _: Judgement) -> Iterator[str]:
    for host, cookie, provider in _sessions(rule):
        for other in links.of(LISTENER_RULE):
            for other_host, other_cookie, other_provider in _sessions(other) if other is not rule else ():
                if host == other_host and (cookie, provider) != (other_cookie, other_provider):
                    yield f"Rules of `{host}` sign users in differently, so that each asks for a sign-in of its own."
                if host != other_host and cookie == other_cookie:
                    yield f"`{host}` and `{other_host}` keep their sessions under the same name."


def _sessions(rule: Resource) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Yield host, cookie and identity provider (issuer, client id) of each sign-in of a rule."""
    for action in listener_rules.actions(rule):
        if action.kind == "authenticate-oidc":
            path = f"{action.path}.authenticateOidc"
            cookie = rule.text_or_none(f"{path}.sessionCookieName") or "AWSELBAuthSessionCookie"
            provider = (rule.text(f"{path}.issuer"), rule.text(f"{path}.clientId"))
            for host in listener_rules.hosts(rule):
                yield host.lower(), cookie, provider


def _other_balancer(links: Links, balancer: Resource, _: Judgement) -> Iterator[str]:
    if balancer.get("internal") is True:
        return
    guarded = {found.urn for distribution in links.of(DISTRIBUTION) for found in _origin_balancers(links, distribution)}
    if balancer.urn not in guarded:
        yield "It faces the internet, and no distribution leads to it."


# --- its security groups ---


def _groups(links: Links) -> set[str]:
    """Return the URNs of the security groups of load balancers that face the internet."""
    return {
        group.urn
        for balancer in links.of(LOAD_BALANCER)
        if balancer.get("internal") is not True
        for group in links.behind(balancer, "securityGroups", SECURITY_GROUP)
    }


def _unknown_groups(links: Links, balancer: Resource, _: Judgement) -> Iterator[str]:
    if balancer.get("internal") is True:
        return
    groups = links.behind(balancer, "securityGroups", SECURITY_GROUP)
    if not groups or balancer.get("securityGroups") is UNKNOWN or len(balancer.items("securityGroups")) > len(groups):
        yield "It has a security group that this stack doesn't make, so the gate can't tell what it opens."


def _openings(links: Links, resource: Resource) -> tuple[bool, list[Opening]]:
    """Return whether it belongs to the load balancer's security group, and what it opens."""
    known = _without_computed(resource)
    if resource.type in SECURITY_GROUP:
        return resource.urn in _groups(links), list(openings(known))
    groups = links.behind(resource, "securityGroupId", SECURITY_GROUP)
    return any(group.urn in _groups(links) for group in groups), list(openings(known))


def _without_computed(resource: Resource) -> Resource:
    """Leave out what is unknown as a whole: to a stack rule, that is what the program doesn't give.

    `open-ingress` judges the inputs, and refuses what they leave unknown; but another security group may be.
    """
    return replace(
        resource,
        properties={
            name: value
            for name, value in resource.properties.items()
            if value is not UNKNOWN or name in ("referencedSecurityGroupId", "sourceSecurityGroupId")
        },
    )


def _ingress(links: Links, resource: Resource, judgement: Judgement) -> Iterator[str]:
    own, found = _openings(links, resource)
    for opening in found:
        if not opening.ingress:
            continue
        if own and not _from_cloudfront(resource, opening, judgement.config["prefixLists"]):
            yield f"In {opening.path}, the load balancer takes more than HTTPS from CloudFront's prefix list."
        elif not own and opening.prefix_lists:
            yield f"In {opening.path}, a prefix list is let in, and not to the load balancer."


def _from_cloudfront(resource: Resource, opening: Opening, lists: Sequence[str]) -> bool:
    """Tell whether an opening takes HTTPS from prefix lists that aren't this stack's own making, and nothing else."""
    made_here = any(resource.references.get(path) for path in ("prefixListId", "prefixListIds"))
    return (
        opening.protocol == "tcp"
        and opening.ports == (443, 443)
        and bool(opening.prefix_lists)
        and all(one in lists if lists else one.startswith("pl-") for one in opening.prefix_lists)
        and not (opening.addresses or opening.others or made_here)
    )


def _egress(links: Links, resource: Resource, _: Judgement) -> Iterator[str]:
    own, found = _openings(links, resource)
    ports = {
        int(port)
        for target in links.of(TARGET_GROUP)
        if isinstance(port := target.get("port"), int | float) and not isinstance(port, bool)
    }
    for opening in found:
        if own and not opening.ingress and not _to_identity_provider(opening) and not _to_target(opening, ports):
            yield f"In {opening.path}, the load balancer may reach more than targets and the identity provider."


def _to_identity_provider(opening: Opening) -> bool:
    # It calls it over IPv4, and no address ranges are published.
    return (
        opening.protocol == "tcp"
        and opening.ports == (443, 443)
        and opening.addresses == ("0.0.0.0/0",)
        and not (opening.prefix_lists or opening.others)
    )


def _to_target(opening: Opening, ports: set[int]) -> bool:
    return (
        opening.protocol == "tcp"
        and opening.ports is not None
        and opening.ports[0] == opening.ports[1]
        and opening.ports[0] in ports
        and opening.others
        and not (opening.prefix_lists or opening.addresses)
    )


# --- logs ---


def _not_logged(links: Links, distribution: Resource, _: Judgement) -> Iterator[str]:
    sources = list(links.before(LOG_SOURCE, "resourceArn", distribution))
    delivered = [
        delivery
        for source in sources
        for delivery in links.of(LOG_DELIVERY)
        if source in links.behind(delivery, "deliverySourceName", LOG_SOURCE)
        or delivery.get("deliverySourceName") == source.text("name")
    ]
    if not delivered:
        yield "No log delivery takes its access logs anywhere."


RULES: Final = (
    Rule(
        id="host-without-record",
        title="Each host of a distribution has a proxied record that leads to it.",
        remedy="Make one CNAME record for the host, proxied, with the distribution's `domainName` as its content.",
        source="https://developers.cloudflare.com/dns/proxy-status/",
        severity=Severity.HIGH,
        check=partial(_for_each, DISTRIBUTION, _without_record),
        scope=Scope.STACK,
    ),
    Rule(
        id="cacheable-host",
        title="Cloudflare caches nothing of a distribution's hosts.",
        remedy="Make a zone ruleset of the phase `http_request_cache_settings` whose last rule for the host has "
        '`cache` false, with an expression such as `(http.host in {"a.example.com"})`.',
        source="https://developers.cloudflare.com/cache/concepts/default-cache-behavior/",
        severity=Severity.CRITICAL,
        check=partial(_for_each, DISTRIBUTION, _cacheable),
        scope=Scope.STACK,
    ),
    Rule(
        id="origin-elsewhere",
        title="The origins of distributions are the load balancer of this stack.",
        remedy="Make one CNAME record for the origin, not proxied, with the load balancer's `dnsName` as its content.",
        source=_CLOUDFRONT + "DownloadDistS3AndCustomOrigins.html",
        severity=Severity.HIGH,
        check=partial(_for_each, DISTRIBUTION, _origin_elsewhere),
        scope=Scope.STACK,
    ),
    Rule(
        id="uncovered-host",
        title="The certificate of a distribution covers its hosts.",
        remedy=f"Give it a certificate in {_VIEWER_REGION} that this stack makes, with every alias among its names.",
        source=_CLOUDFRONT + "cnames-and-https-requirements.html",
        severity=Severity.HIGH,
        check=partial(_for_each, DISTRIBUTION, _uncovered),
        scope=Scope.STACK,
    ),
    Rule(
        id="uncovered-origin",
        title="The load balancer's certificate covers the origin's name, or the hosts.",
        remedy="Add the origin's domain name to the certificate of the listener; CloudFront answers 502 without.",
        source=_CLOUDFRONT + "using-https-cloudfront-to-custom-origin.html",
        severity=Severity.MEDIUM,
        check=partial(_for_each, DISTRIBUTION, _uncovered_origin),
        scope=Scope.STACK,
    ),
    Rule(
        id="host-without-rule",
        title="Each host of a distribution has a listener rule that accepts what the distribution sends.",
        remedy="Add a rule for the host to the load balancer's listener, with the distribution's header secret "
        "among the accepted ones.",
        source=_BALANCING + "listener-rules.html",
        severity=Severity.HIGH,
        check=partial(_for_each, DISTRIBUTION, _without_rule),
        scope=Scope.STACK,
        config=header.HEADER,
    ),
    Rule(
        id="shared-session",
        title="Each host keeps sessions of its own, and one way to sign in.",
        remedy="Set a `sessionCookieName` for each host, and the same sign-in in all rules of one.",
        source=_BALANCING + "listener-authenticate-users.html",
        severity=Severity.MEDIUM,
        check=partial(_for_each, LISTENER_RULE, _shared_session),
        scope=Scope.STACK,
    ),
    Rule(
        id="other-load-balancer",
        title="Only the load balancer behind the distributions faces the internet.",
        remedy="Set `internal` to true, or lead to it by the distributions' origin record.",
        source=_BALANCING + "application-load-balancers.html#load-balancer-scheme",
        severity=Severity.HIGH,
        check=partial(_for_each, LOAD_BALANCER, _other_balancer),
        scope=Scope.STACK,
    ),
    Rule(
        id="unknown-security-group",
        title="The security groups of a load balancer that faces the internet are made by this stack.",
        remedy="Give it a security group of this stack, and no other.",
        source=_BALANCING + "load-balancer-update-security-groups.html",
        severity=Severity.HIGH,
        check=partial(_for_each, LOAD_BALANCER, _unknown_groups),
        scope=Scope.STACK,
    ),
    Rule(
        id="unguarded-ingress",
        title="CloudFront's prefix list is let in, by HTTPS, to the load balancer, and nobody else to it.",
        remedy="Let TCP 443 in from `com.amazonaws.global.cloudfront.origin-facing`, and remove the other rules.",
        source=_CLOUDFRONT + "LocationsOfEdgeServers.html",
        severity=Severity.HIGH,
        check=partial(_for_each, GROUP_TYPES - EGRESS_RULE, _ingress),
        scope=Scope.STACK,
        config={
            "prefixLists": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Ids of CloudFront's prefix lists; empty for any that this stack doesn't make",
                "default": [],
            }
        },
    ),
    Rule(
        id="unguarded-egress",
        title="The load balancer reaches its targets and, by HTTPS, the identity provider.",
        remedy="Lead each egress rule to a security group on a target group's port; TCP 443 to 0.0.0.0/0 is for the "
        "identity provider.",
        source=_BALANCING + "listener-authenticate-users.html",
        severity=Severity.MEDIUM,
        check=partial(_for_each, GROUP_TYPES - INGRESS_RULE, _egress),
        scope=Scope.STACK,
    ),
    Rule(
        id="distribution-not-logged",
        title="Every distribution's access logs are delivered.",
        remedy="Make a log delivery source for the distribution, and a delivery to a destination.",
        source=_CLOUDFRONT + "standard-logging.html",
        severity=Severity.MEDIUM,
        check=partial(_for_each, DISTRIBUTION, _not_logged),
        scope=Scope.STACK,
    ),
)
