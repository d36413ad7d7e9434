"""The sign-in: one identity provider, asked every time, for a session that ends."""

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
_NO_WAY_THROUGH: Final = (None, "authenticate", "deny")
"""What `onUnauthenticatedRequest` may say; left out, it is `authenticate`. `deny` answers 401."""
_WEEK: Final = 604_800
"""Seconds of a session where the program leaves `sessionTimeout` out."""


def _sign_ins(resource: Resource) -> Iterator[Part]:
    """Yield each sign-in among a rule's actions, or a listener's default ones."""
    for action in resource.parts("defaultActions" if resource.type in LISTENER else "actions"):
        if action.text("type") == "authenticate-oidc":
            yield action.at("authenticateOidc")


@RULES.resource(
    "issuer-with-slash",
    title="The issuer is written as the tokens have it, without a slash at its end.",
    remedy="Take the slash off: the load balancer compares the texts, and answers 401 to everybody.",
    source="https://docs.kinde.com/build/tokens/about-access-tokens/",
    severity=Severity.MEDIUM,
    types=LISTENER_RULE | LISTENER,
)
def _issuer(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for sign_in in _sign_ins(resource):
        if sign_in.text("issuer").endswith("/"):
            yield Finding(f"`{sign_in.place('issuer')}` ends with a slash; the issuer of the tokens doesn't.")


@RULES.resource(
    "foreign-identity-provider",
    title="Issuer and endpoints of the sign-in are https URLs of one identity provider.",
    remedy="Take all of them from the provider's discovery document; list hosts other than the issuer's in `hosts`.",
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
            # Without a list of hosts, the issuer's own is the only one.
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
        if sign_in.text_or_none("onUnauthenticatedRequest") not in _NO_WAY_THROUGH:
            yield Finding(f"`{sign_in.place('onUnauthenticatedRequest')}` is neither `authenticate` nor `deny`.")


@RULES.resource(
    "long-session",
    title="A sign-in doesn't last longer than agreed.",
    remedy="Set `sessionTimeout`, in seconds; left out, it is seven days.",
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
    title="Each host keeps sessions of its own, and one way to sign in.",
    remedy="Set a `sessionCookieName` for each host, and the same sign-in in all rules of one host.",
    source=_GUIDE,
    severity=Severity.MEDIUM,
)
@for_each(LISTENER_RULE)
def _shared_session(stack: Stack, rule: Resource, _: Judgement) -> Iterator[str]:
    for host, cookie, provider in rule.shared(_sessions):
        for other in stack.only(LISTENER_RULE):
            for other_host, other_cookie, other_provider in other.shared(_sessions) if other is not rule else ():
                if host == other_host and (cookie, provider) != (other_cookie, other_provider):
                    yield f"Rules of `{host}` sign users in differently, so that each asks for a sign-in of its own."
                if host != other_host and cookie == other_cookie:
                    yield f"`{host}` and `{other_host}` keep their sessions under the same name."


def _sessions(rule: Resource) -> tuple[tuple[str, str, tuple[str, str]], ...]:
    """Return host, cookie and identity provider (issuer, client id) of each sign-in of a rule."""
    found = []
    for action in rule.shared(actions):
        if action.kind == "authenticate-oidc":
            sign_in = action.part.at("authenticateOidc")
            cookie = sign_in.text_or_none("sessionCookieName") or "AWSELBAuthSessionCookie"
            provider = (sign_in.text("issuer"), sign_in.text("clientId"))
            found += [(host.lower(), cookie, provider) for host in hosts(rule)]
    return tuple(found)
