"""The sign-in: one identity provider, asked every time, for a session that ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from policies.entry_points.kinds import LISTENER, LISTENER_RULE
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity, Unjudgeable

_GUIDE: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"
_KINDE: Final = "https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/"

_URL: Final = re.compile(r"https://(?P<host>[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?:/[A-Za-z0-9._~/-]*)?")
_ENDPOINTS: Final = ("authorizationEndpoint", "tokenEndpoint", "userInfoEndpoint")
_WEEK: Final = 604_800
"""Seconds of a session where the program leaves `sessionTimeout` out."""


def _sign_ins(resource: Resource) -> Iterator[str]:
    """Yield the path of each sign-in among a rule's actions or a listener's default ones."""
    actions = "defaultActions" if resource.type in LISTENER else "actions"
    for index, _ in enumerate(resource.items(actions)):
        if resource.text(f"{actions}.{index}.type") == "authenticate-oidc":
            yield f"{actions}.{index}.authenticateOidc"


Check = Callable[[Resource, Judgement, str], Iterator[Finding]]


def _each(check: Check, resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    for path in _sign_ins(resource):
        yield from check(resource, judgement, path)


def _issuer(resource: Resource, _: Judgement, path: str) -> Iterator[Finding]:
    if resource.text(f"{path}.issuer").endswith("/"):
        yield Finding(f"`{path}.issuer` ends with a slash; the issuer of the tokens doesn't.")


def _foreign(resource: Resource, judgement: Judgement, path: str) -> Iterator[Finding]:
    allowed = {host.lower() for host in judgement.config["hosts"]}
    for name in ("issuer", *_ENDPOINTS):
        url = _URL.fullmatch(resource.text(f"{path}.{name}"))
        if not url:
            yield Finding(f"`{path}.{name}` isn't a plain https URL.")
            continue
        # Without a list of hosts, the issuer's own is the only one.
        allowed = allowed or {url["host"]}
        if url["host"] not in allowed:
            yield Finding(f"`{path}.{name}` isn't on a host of the identity provider.")


def _optional(resource: Resource, _: Judgement, path: str) -> Iterator[Finding]:
    if resource.text_or_none(f"{path}.onUnauthenticatedRequest") not in (None, "authenticate"):
        yield Finding(f"`{path}.onUnauthenticatedRequest` isn't `authenticate`.")


def _long(resource: Resource, judgement: Judgement, path: str) -> Iterator[Finding]:
    seconds, longest = resource.get(f"{path}.sessionTimeout", _WEEK), judgement.config["longest"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise Unjudgeable(f"{path}.sessionTimeout", "is unknown or no number", resource.urn)
    if not 0 < seconds <= longest:
        yield Finding(f"`{path}.sessionTimeout` lets a session last longer than {longest:g} seconds.")


def _scope(resource: Resource, _: Judgement, path: str) -> Iterator[Finding]:
    scope = resource.text_or_none(f"{path}.scope")
    if scope is not None and "openid" not in scope.split():
        yield Finding(f"`{path}.scope` doesn't hold `openid`.")


RULES: Final = (
    Rule(
        id="issuer-with-slash",
        title="The issuer is written as the tokens have it, without a slash at its end.",
        remedy="Take the slash off: the load balancer compares the texts, and answers 401 to everybody.",
        source="https://docs.kinde.com/build/tokens/about-access-tokens/",
        severity=Severity.MEDIUM,
        check=partial(_each, _issuer),
        types=LISTENER_RULE | LISTENER,
    ),
    Rule(
        id="foreign-identity-provider",
        title="Issuer and endpoints of the sign-in are https URLs of one identity provider.",
        remedy="Take all of them from the provider's discovery document; hosts beside the issuer's go into `hosts`.",
        source=_KINDE,
        severity=Severity.CRITICAL,
        check=partial(_each, _foreign),
        types=LISTENER_RULE | LISTENER,
        config={
            "hosts": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Hosts of the identity provider; empty for the issuer's own",
                "default": [],
            }
        },
    ),
    Rule(
        id="optional-sign-in",
        title="Whoever isn't signed in has to sign in.",
        remedy="Set `onUnauthenticatedRequest` to `authenticate`; `allow` lets everybody through.",
        source=_GUIDE,
        severity=Severity.CRITICAL,
        check=partial(_each, _optional),
        types=LISTENER_RULE | LISTENER,
    ),
    Rule(
        id="long-session",
        title="A sign-in doesn't last longer than agreed.",
        remedy="Set `sessionTimeout`, in seconds; left out it is seven days.",
        source=_GUIDE,
        severity=Severity.MEDIUM,
        check=partial(_each, _long),
        types=LISTENER_RULE | LISTENER,
        config={
            "longest": {"type": "integer", "description": "Longest session in seconds", "default": 43_200},
        },
    ),
    Rule(
        id="scope-without-openid",
        title="The sign-in asks for the scope `openid`.",
        remedy="Add `openid` to `scope`: without it there is no ID token to check.",
        source="https://docs.kinde.com/developer-tools/about/using-kinde-without-an-sdk/",
        severity=Severity.MEDIUM,
        check=partial(_each, _scope),
        types=LISTENER_RULE | LISTENER,
    ),
)
