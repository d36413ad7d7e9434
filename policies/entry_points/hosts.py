"""Hosts: each leads through Cloudflare, a distribution and the load balancer to a listener rule of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.entry_points import header, listener_rules
from policies.entry_points.kinds import DISTRIBUTION, LISTENER, LISTENER_RULE, LOAD_BALANCER, RECORD
from policies.rulebook import Judgement, Resource, Rules, Severity, Stack, Unjudgeable
from policies.rulebook.links import for_each, sources, users
from policies.rulebook.listener_rules import hosts

RULES: Final = Rules()


def aliases(distribution: Resource) -> list[str]:
    """Return the hosts of a distribution, in lower case.

    Raises:
        Unjudgeable: it has none, so it answers under a name that no record, certificate or rule covers.
    """
    hosts = [host.lower() for host in distribution.texts("aliases")]
    if not hosts:
        raise Unjudgeable("aliases", "is missing; the gate needs the distribution's hosts", distribution.urn)
    return hosts


def origins(distribution: Resource) -> list[str]:
    """Return the domain names of a distribution's origins, in lower case."""
    return [origin.text("domainName").lower() for origin in distribution.parts("origins")]


def origin_balancers(stack: Stack, distribution: Resource) -> list[Resource]:
    """Return the load balancers that the records of a distribution's origins lead to."""
    return [
        balancer
        for origin in origins(distribution)
        for record in _records(stack, origin)
        for balancer in sources(stack, record, "content", LOAD_BALANCER)
    ]


def origin_listeners(stack: Stack, distribution: Resource) -> list[Resource]:
    """Return the listeners of the load balancers that a distribution's origins lead to."""
    balancers = origin_balancers(stack, distribution)
    return [listener for balancer in balancers for listener in users(stack, balancer, "loadBalancerArn", LISTENER)]


def _records(stack: Stack, host: str) -> list[Resource]:
    """Return the records of a host, whose name is given in lower case."""
    names = [(record, record.get("name")) for record in stack.only(RECORD)]
    return [record for record, name in names if isinstance(name, str) and name.lower() == host]


@RULES.stack(
    "host-without-record",
    title="Each host of a distribution has a proxied record that leads to it.",
    remedy="Create one proxied CNAME record for the host, with the distribution's `domainName` as its content.",
    source="https://developers.cloudflare.com/dns/proxy-status/",
    severity=Severity.HIGH,
)
@for_each(DISTRIBUTION)
def _without_record(stack: Stack, distribution: Resource, _: Judgement) -> Iterator[str]:
    for host in aliases(distribution):
        records = _records(stack, host)
        if not records:
            yield f"`{host}` has no record."
        for record in records:
            if not record.flag("proxied", default=False):
                yield f"The record of `{host}` isn't proxied."
            if sources(stack, record, "content", DISTRIBUTION) != [distribution]:
                yield f"A record of `{host}` doesn't lead to this distribution."


@RULES.stack(
    "origin-elsewhere",
    title="The origins of distributions lead to the load balancer of this stack.",
    remedy="Create one unproxied CNAME record for the origin, with the load balancer's `dnsName` as its content.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistS3AndCustomOrigins.html",
    severity=Severity.HIGH,
)
@for_each(DISTRIBUTION)
def _origin_elsewhere(stack: Stack, distribution: Resource, _: Judgement) -> Iterator[str]:
    for origin in origins(distribution):
        records = _records(stack, origin)
        if not records:
            yield f"The origin `{origin}` has no record in this stack."
        for record in records:
            if record.flag("proxied", default=False):
                yield f"The record of the origin `{origin}` is proxied, which leads back through Cloudflare."
            if len(sources(stack, record, "content", LOAD_BALANCER)) != 1:
                yield f"The record of the origin `{origin}` doesn't lead to a load balancer of this stack."


@RULES.stack(
    "host-without-rule",
    title="Each host of a distribution has a listener rule that accepts the distribution's header secret.",
    remedy="Add a rule for the host to the load balancer's listener, with the distribution's header secret "
    "among its accepted values.",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html",
    severity=Severity.HIGH,
    config=header.HEADER,
)
@for_each(DISTRIBUTION)
def _without_rule(stack: Stack, distribution: Resource, judgement: Judgement) -> Iterator[str]:
    listeners = origin_listeners(stack, distribution)
    rules = [rule for listener in listeners for rule in users(stack, listener, "listenerArn", LISTENER_RULE)]
    for host in aliases(distribution):
        own = [rule for rule in rules if host in [name.lower() for name in hosts(rule)]]
        kinds = {action.kind for rule in own for action in rule.shared(listener_rules.actions)}
        # A host that is closed for a while has a fixed response.
        if not kinds & {"forward", "fixed-response"}:
            yield f"No rule of the load balancer forwards requests for `{host}` to a target."
        for rule in own:
            # Compared, never shown.
            accepted, sent = (
                {resource.text(path) for path in header.value_paths(resource, judgement)}
                for resource in (rule, distribution)
            )
            if not sent <= accepted:
                yield f"A rule for `{host}` doesn't accept the header secret that the distribution sends."
