"""Follows a request through what a stack has in front of its applications, according to the plan.

DNS record -> distribution -> load balancer. A plan shows a secret value as `[secret]`, so a request with the right
secret has this text as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from review.listener import Answer, Request, answer
from stackfiles.plan_document import SECRET, State

STARTS: Final = ("cloudflare", "cloudfront", "balancer")
"""Where a request arrives: at the zone, as usual, or bypassing it at a distribution or at the load balancer."""


@dataclass(frozen=True)
class Sent:
    """A request, and where it arrives: one of `STARTS`."""

    request: Request
    method: str = "GET"
    start: str = "cloudflare"


def way_in(states: Sequence[State]) -> dict[str, Any]:
    """Return what answers requests in a plan: records, distributions, and the listener's actions and rules.

    It is empty if the plan has no listener, or hides a part of these.
    """
    if hidden(states):
        return {}
    by_type: dict[str, list[State]] = {}
    for state in states:
        by_type.setdefault(state["type"], []).append(state)
    listeners = by_type.get("aws:lb/listener:Listener", [])
    if not listeners:
        return {}
    listener = min(listeners, key=lambda state: state.get("inputs", {}).get("port") != 443)
    targets = {state["urn"]: state.get("inputs", {}).get("name") for state in by_type.get(_TARGET_GROUP, [])}
    networks = by_type.get("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", [])
    return {
        "records": [
            {"name": record["name"], "proxied": bool(record.get("proxied"))}
            for record in _inputs(by_type.get("cloudflare:index/dnsRecord:DnsRecord", []))
        ],
        "distributions": [_distribution(given) for given in _inputs(by_type.get(_DISTRIBUTION, []))],
        "admits": [str(given.get("prefixListId") or given.get("cidrIpv4")) for given in _inputs(networks)],
        "defaultActions": listener.get("inputs", {}).get("defaultActions", []),
        "rules": sorted(
            (
                _rule(rule, targets)
                for rule in by_type.get("aws:lb/listenerRule:ListenerRule", [])
                if listener["urn"] in rule.get("propertyDependencies", {}).get("listenerArn", [listener["urn"]])
            ),
            key=lambda rule: int(rule["priority"]),
        ),
    }


def hidden(states: Sequence[State]) -> list[str]:
    """Return the properties that answer requests and that a plan hides as a whole, as `PROPERTY of TYPE`.

    The Pulumi CLI hides a list that contains a secret; the embedded engine's plan only hides the secret.
    """
    return sorted(
        {
            f"`{key}` of `{state['type']}`"
            for state in states
            for key in _ANSWERING.get(state["type"], ())
            if state.get("inputs", {}).get(key) == SECRET
        }
    )


_TARGET_GROUP: Final = "aws:lb/targetGroup:TargetGroup"
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_ANSWERING: Final = {
    _DISTRIBUTION: ("origins",),
    "aws:lb/listener:Listener": ("defaultActions",),
    "aws:lb/listenerRule:ListenerRule": ("conditions", "actions"),
}
"""Type -> lists that determine what answers a request."""


def _inputs(states: Sequence[State]) -> list[dict[str, Any]]:
    return [state.get("inputs", {}) for state in states]


def _distribution(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": given.get("comment", ""),
        "hosts": [host.lower() for host in given.get("aliases", [])],
        "methods": given.get("defaultCacheBehavior", {}).get("allowedMethods", []),
        "guarded": bool(given.get("webAclId")),
        "adds": {
            header["name"].lower(): header["value"]
            for origin in given.get("origins", [])
            for header in origin.get("customHeaders", [])
        },
    }


def _rule(state: State, targets: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule with its target group's name instead of the ARN, which isn't known yet."""
    given: dict[str, Any] = dict(state.get("inputs", {}))
    names = [targets[urn] for urn in state.get("propertyDependencies", {}).get("actions", []) if urn in targets]
    if len(names) == 1:
        given["actions"] = [
            {**action, "targetGroupArn": names[0]} if "targetGroupArn" in action else action
            for action in given["actions"]
        ]
    return {key: given[key] for key in ("priority", "conditions", "actions")}


def follow(way: Mapping[str, Any], sent: Sent) -> Answer:
    """Return what answers a request.

    Apart from a listener's answers, that is `nowhere` (no record or distribution has the host), `blocked` (the web ACL
    only admits Cloudflare) or `closed` (only CloudFront's addresses reach the load balancer).
    """
    request = sent.request
    host = request.host.partition(":")[0].lower()
    if sent.start == "cloudflare":
        record = next((record for record in way["records"] if record["name"].lower() == host), None)
        if record is None:
            return Answer("nowhere", "record")
        if not record["proxied"]:
            return Answer("closed", ", ".join(way["admits"]))
    if sent.start != "balancer":
        distribution = next((one for one in way["distributions"] if host in one["hosts"]), None)
        if distribution is None:
            return Answer("nowhere", "distribution")
        if sent.start == "cloudfront" and distribution["guarded"]:
            return Answer("blocked")
        if sent.method not in distribution["methods"]:
            return Answer("status", "403")
        headers = {name.lower(): value for name, value in request.headers.items()} | distribution["adds"]
        request = Request(request.host, request.path, headers, request.sessions)
    return answer(way, way["rules"], request)


def attacks(way: Mapping[str, Any]) -> list[tuple[str, Sent]]:
    """Return example requests for the first host of a distribution: what each one tries, and the request."""
    host = next((host for one in way.get("distributions", []) for host in one["hosts"]), "")
    if not host:
        return []
    cookie, header = _session(way), _secret_header(way)
    visitor = Request(host, "/")
    signed_in = Request(host, "/", sessions=frozenset((cookie,)))
    proven = {header: SECRET}
    return [
        ("somebody who isn't signed in", Sent(visitor)),
        ("somebody who is signed in", Sent(signed_in)),
        ("bypassing Cloudflare, directly to the distribution", Sent(signed_in, start="cloudfront")),
        ("bypassing both, from a CloudFront address, without the header", Sent(signed_in, start="balancer")),
        ("the same with a guessed header", Sent(_with_headers(signed_in, {header: "guessed"}), start="balancer")),
        ("with a wildcard in the header", Sent(_with_headers(signed_in, {header: "*"}), start="balancer")),
        ("with the right header, not signed in", Sent(_with_headers(visitor, proven), start="balancer")),
        (
            "with the right header, for another host",
            Sent(Request("example.org", "/", proven), start="balancer"),
        ),
        ("forged headers of a sign-in", Sent(_with_headers(visitor, {"x-amzn-oidc-identity": "admin"}))),
        ("the session of another application", Sent(Request(host, "/", sessions=frozenset(("another",))))),
        ("the load balancer by its own name", Sent(Request(_unproxied(way), "/"))),
        ("a health check from outside", Sent(Request(host, "/api/health"))),
        (
            "WebSocket without a session",
            Sent(_with_headers(visitor, {"Upgrade": "websocket", "Connection": "Upgrade"})),
        ),
        ("TRACE", Sent(signed_in, method="TRACE")),
    ]


def _with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    return Request(request.host, request.path, {**request.headers, **headers}, request.sessions)


def _session(way: Mapping[str, Any]) -> str:
    names = (
        action["authenticateOidc"].get("sessionCookieName")
        for rule in way["rules"]
        for action in rule["actions"]
        if "authenticateOidc" in action
    )
    return next((name for name in names if name), "AWSELBAuthSessionCookie")


def _secret_header(way: Mapping[str, Any]) -> str:
    conditions = (condition for rule in way["rules"] for condition in rule["conditions"] if "httpHeader" in condition)
    return next((str(one["httpHeader"]["httpHeaderName"]) for one in conditions), "X-Header")


def _unproxied(way: Mapping[str, Any]) -> str:
    hosts = {host for one in way["distributions"] for host in one["hosts"]}
    domain = min(hosts, key=len).partition(".")[2]
    names = (str(record["name"]) for record in way["records"] if not record["proxied"])
    return next((name for name in names if name.endswith(f".{domain}")), domain)
