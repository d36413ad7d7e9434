"""The sign-in: one identity provider, a sign-in for every request, and sessions that end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.entry_points.kinds import LISTENER, LISTENER_RULE
from policies.entry_points.listener_rules import actions
from policies.rulebook import Finding, Judgement, Part, Resource, Rules, Severity, Stack
from policies.rulebook.links import for_each
from policies.rulebook.listener_rules import hosts

RULES: Final = Rules()

_GUIDE: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"
_KINDE: Final = "https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/"

_URL: Final = re.compile(r"https://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:/[A-Za-z0-9._~/-]*)?")
_ENDPOINTS: Final = ("authorizationEndpoint", "tokenEndpoint", "userInfoEndpoint")
_CLOSED: Final = (None, "authenticate", "deny")
"""Accepted values of `onUnauthenticatedRequest`. The default is `authenticate`; `deny` answers 401."""
_WEEK: Final = 604_800
"""Default of `sessionTimeout`, in seconds."""


def _sign_ins(resource: Resource) -> Iterator[Part]:
    """Yield each sign-in among the actions of a rule, or among the default actions of a listener."""
    for action in resource.parts("defaultActions" if resource.type in LISTENER else "actions"):
        if action.text("type") == "authenticate-oidc":
            yield action.at("authenticateOidc")


@RULES.resource(
    "issuer-with-slash",
    title="The issuer is written as in the tokens, without a trailing slash.",
    remedy="Remove the slash: the load balancer compares the texts, and with the slash it answers 401 to everybody.",
    source="https://docs.kinde.com/build/tokens/about-access-tokens/",
    severity=Severity.MEDIUM,
    types=LISTENER_RULE | LISTENER,
)
def _issuer(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for sign_in in _sign_ins(resource):
        if sign_in.text("issuer").endswith("/"):
            yield Finding(f"`{sign_in.place('issuer')}` ends with a slash, but the issuer in the tokens doesn't.")


@RULES.resource(
    "foreign-identity-provider",
    title="The issuer and endpoints of the sign-in are https URLs of one identity provider.",
    remedy="Copy all of them from the provider's discovery document. If they aren't all on the issuer's host, list "
    "their hosts in `hosts`.",
    source=_KINDE,
    severity=Severity.CRITICAL,
    types=LISTENER_RULE | LISTENER,
    config={
        "hosts": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Hosts of the identity provider; empty for the issuer's own",
            "default": [],
        }
    },
)
def _foreign(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for sign_in in _sign_ins(resource):
        allowed = {host.lower() for host in judgement.config["hosts"]}
        for name in ("issuer", *_ENDPOINTS):
            url = _URL.fullmatch(sign_in.text(name))
            if not url:
                yield Finding(f"`{sign_in.place(name)}` isn't a plain https URL.")
                continue
            # Without a list of hosts, only the issuer's own is allowed.
            allowed = allowed or {url["host"]}
            if url["host"] not in allowed:
                yield Finding(f"`{sign_in.place(name)}` isn't on a host of the identity provider.")


@RULES.resource(
    "optional-sign-in",
    title="Nobody gets through without signing in.",
    remedy="Set `onUnauthenticatedRequest` to `authenticate`, or to `deny`; `allow` lets everybody through.",
    source=_GUIDE,
    severity=Severity.CRITICAL,
    types=LISTENER_RULE | LISTENER,
)
def _optional(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for sign_in in _sign_ins(resource):
        if sign_in.text_or_none("onUnauthenticatedRequest") not in _CLOSED:
            yield Finding(f"`{sign_in.place('onUnauthenticatedRequest')}` is neither `authenticate` nor `deny`.")


@RULES.resource(
    "long-session",
    title="A session doesn't last longer than configured.",
    remedy="Set `sessionTimeout`, in seconds; the default is seven days.",
    source=_GUIDE,
    severity=Severity.MEDIUM,
    types=LISTENER_RULE | LISTENER,
    config={
        "longest": {"type": "integer", "description": "Longest session in seconds", "default": 43_200},
    },
)
def _long(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    longest = judgement.config["longest"]
    for sign_in in _sign_ins(resource):
        if not 0 < sign_in.number("sessionTimeout", _WEEK) <= longest:
            yield Finding(f"`{sign_in.place('sessionTimeout')}` isn't between 1 and {longest:g} seconds.")


@RULES.resource(
    "scope-without-openid",
    title="The sign-in asks for the scope `openid`.",
    remedy="Add `openid` to `scope`: without it there is no ID token to check.",
    source=_KINDE,
    severity=Severity.MEDIUM,
    types=LISTENER_RULE | LISTENER,
)
def _scope(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for sign_in in _sign_ins(resource):
        scope = sign_in.text_or_none("scope")
        if scope is not None and "openid" not in scope.split():
            yield Finding(f"`{sign_in.place('scope')}` doesn't hold `openid`.")


@RULES.stack(
    "shared-session",
    title="Each host has its own session cookie and one way to sign in.",
    remedy="Set a different `sessionCookieName` for each host, and the same sign-in in all rules of one host.",
    source=_GUIDE,
    severity=Severity.MEDIUM,
)
@for_each(LISTENER_RULE)
def _shared_session(stack: Stack, rule: Resource, _: Judgement) -> Iterator[str]:
    for host, cookie, provider in rule.shared(_sessions):
        for other in stack.only(LISTENER_RULE):
            for other_host, other_cookie, other_provider in other.shared(_sessions) if other is not rule else ():
                if host == other_host and (cookie, provider) != (other_cookie, other_provider):
                    yield f"Rules of `{host}` sign users in differently, so each of them asks for another sign-in."
                if host != other_host and cookie == other_cookie:
                    yield f"`{host}` and `{other_host}` use the same name for their session cookies."


def _sessions(rule: Resource) -> tuple[tuple[str, str, tuple[str, str]], ...]:
    """Return the host, cookie name and identity provider (issuer, client id) of each sign-in of a rule."""
    found = []
    for action in rule.shared(actions):
        if action.kind == "authenticate-oidc":
            sign_in = action.part.at("authenticateOidc")
            cookie = sign_in.text_or_none("sessionCookieName") or "AWSELBAuthSessionCookie"
            provider = (sign_in.text("issuer"), sign_in.text("clientId"))
            found += [(host.lower(), cookie, provider) for host in hosts(rule)]
    return tuple(found)
