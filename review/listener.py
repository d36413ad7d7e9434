"""Simulates what an Application Load Balancer answers, from the planned listener and its rules.

The first rule by priority whose conditions all match applies; a condition matches if one of its values does. Then the
rule's actions run in order. Hosts and header values ignore case, paths don't; `*` matches any characters, `?` one.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

CALLBACK: Final = "/oauth2/idpresponse"
"""The path that the load balancer answers itself, on rules that sign users in."""
_DEFAULT_COOKIE: Final = "AWSELBAuthSessionCookie"


@dataclass(frozen=True)
class Request:
    """A request as it arrives at the load balancer. `sessions` are the names of cookies with a valid session."""

    host: str
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    sessions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Answer:
    """`kind` is `status`, `sign-in` (a redirect to the identity provider), `callback`, `redirect` or `target`.

    `what` is the status, the URL or the target group's ARN.
    """

    kind: str
    what: str = ""


def answer(listener: Mapping[str, Any], rules: Iterable[Mapping[str, Any]], request: Request) -> Answer:
    """Return a listener's answer. The listener and the rules are resource inputs."""
    for rule in sorted(rules, key=lambda rule: int(rule["priority"])):
        if all(_matches(condition, request) for condition in rule["conditions"]):
            return _act(rule["actions"], request)
    return _act(listener["defaultActions"], request)


def _matches(condition: Mapping[str, Any], request: Request) -> bool:
    ((kind, content),) = condition.items()
    if kind == "hostHeader":
        return _matches_any(content["values"], request.host.partition(":")[0], ignore_case=True)
    if kind == "httpHeader":
        sent = {name.lower(): value for name, value in request.headers.items()}.get(content["httpHeaderName"].lower())
        return sent is not None and _matches_any(content["values"], sent, ignore_case=True)
    if kind == "pathPattern":
        return _matches_any(content["values"], request.path.partition("?")[0], ignore_case=False)
    raise ValueError(f"the simulation doesn't know the condition {kind}")


def _matches_any(patterns: Sequence[str], text: str, *, ignore_case: bool) -> bool:
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return any(re.fullmatch(_expression(pattern), text, flags) for pattern in patterns)


@cache
def _expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)


def _act(actions: Sequence[Mapping[str, Any]], request: Request) -> Answer:
    for action in sorted(actions, key=lambda action: int(action.get("order", 1))):
        kind = action["type"]
        if kind == "authenticate-oidc":
            if blocked := _sign_in(action["authenticateOidc"], request):
                return blocked
        elif kind == "forward":
            return Answer("target", str(action["targetGroupArn"]))
        elif kind == "fixed-response":
            return Answer("status", str(action["fixedResponse"]["statusCode"]))
        else:
            raise ValueError(f"the simulation doesn't know the action {kind}")
    raise ValueError("the actions lead nowhere")


def _sign_in(settings: Mapping[str, Any], request: Request) -> Answer | None:
    """Return the answer that keeps a request from the next action, or None."""
    if request.path.partition("?")[0] == CALLBACK:
        return Answer("callback")
    if settings.get("sessionCookieName", _DEFAULT_COOKIE) in request.sessions:
        return None
    what = settings.get("onUnauthenticatedRequest", "authenticate")
    if what == "allow":
        return None
    return Answer("status", "401") if what == "deny" else Answer("sign-in", str(settings["authorizationEndpoint"]))
