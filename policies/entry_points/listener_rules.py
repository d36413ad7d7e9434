"""Listener rules: host and header first, then the sign-in, then a target."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from policies.entry_points import header
from policies.entry_points.kinds import LISTENER_RULE
from policies.rulebook import Finding, Judgement, Part, Resource, Rules, Severity, Unjudgeable
from policies.rulebook.listener_rules import hosts

RULES: Final = Rules()

_GUIDE: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"

_ACTIONS: Final = frozenset(("authenticate-oidc", "forward", "fixed-response", "jwt-validation"))
"""Allowed actions. `authenticate-cognito` is another identity provider, and `redirect` can lead anywhere."""

_HOST: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_NARROW_PATH: Final = re.compile(r"/[A-Za-z0-9_-]+.*")
"""A pattern that starts with a fixed name, unlike `*` and `/*`."""


class Action(NamedTuple):
    """One action of a rule: its order, its type, and the part of the rule that declares it."""

    order: float
    kind: str
    part: Part


def actions(rule: Resource) -> tuple[Action, ...]:
    """Return the actions of a rule in the order in which they run.

    Raises:
        Unjudgeable: there are none, or it isn't certain which runs first.
    """
    given = rule.parts("actions")
    if not given:
        raise Unjudgeable("actions", "is missing; the gate needs the rule's actions", rule.urn)
    first = 1 if len(given) == 1 else None
    found = [Action(part.number("order", first), part.text("type"), part) for part in given]
    if len({action.order for action in found}) < len(found):
        raise Unjudgeable("actions", "has two actions with the same order", rule.urn)
    return tuple(sorted(found, key=lambda action: action.order))


def _signs_in_first(rule: Resource) -> bool:
    """Tell whether a rule signs users in before it forwards them anywhere."""
    kinds = [action.kind for action in rule.shared(actions)]
    return "forward" not in kinds or "authenticate-oidc" in kinds[: kinds.index("forward")]


def _admits_machines(rule: Resource) -> bool:
    """Tell whether a rule is for machines: limited to some paths, and with a credential instead of a sign-in."""
    kinds = [action.kind for action in rule.shared(actions)]
    if "authenticate-oidc" in kinds:
        return False
    credential, narrow = "jwt-validation" in kinds[:-1], False
    for condition in rule.parts("conditions"):
        patterns = condition.texts("pathPattern.values")
        narrow = narrow or (bool(patterns) and all(_NARROW_PATH.fullmatch(pattern) for pattern in patterns))
        if condition.get("httpHeader") is not None:
            name = condition.text("httpHeader.httpHeaderName")
            asks = name.lower() == "authorization" and bool(condition.items("httpHeader.values"))
            credential = credential or asks
    return narrow and credential


@RULES.resource(
    "unexpected-action",
    title="A listener rule signs in, forwards or refuses, and doesn't rewrite the request.",
    remedy="Use `authenticate-oidc`, `forward` or `fixed-response`, and no transforms.",
    source=_GUIDE + "rule-action-types.html",
    severity=Severity.HIGH,
    types=LISTENER_RULE,
)
def _unexpected(rule: Resource, _: Judgement) -> Iterator[Finding]:
    for action in rule.shared(actions):
        if action.kind not in _ACTIONS:
            yield Finding(f"`{action.part.place('type')}` is none of {', '.join(sorted(_ACTIONS))}.")
    if rule.items("transforms"):
        yield Finding("`transforms` rewrites the request after its conditions were checked.")


@RULES.resource(
    "rule-without-header-check",
    title="Every listener rule requires the header secret.",
    remedy="Add a condition on the header to the rule itself: the first rule whose conditions all match handles the "
    "request, so no other rule can refuse it.",
    source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/restrict-access-to-load-balancer.html",
    severity=Severity.CRITICAL,
    types=LISTENER_RULE,
    config=header.HEADER,
)
def _without_header(rule: Resource, judgement: Judgement) -> Iterator[Finding]:
    paths = list(header.accepted_paths(rule, judgement))
    if not any(rule.items(path) for path in paths):
        yield Finding(f"No condition requires a value of `{judgement.config['header']}`.")


@RULES.resource(
    "rule-without-host",
    title="Every listener rule names its hosts in full.",
    remedy="Add a condition on the host with full names: the sign-in and its cookie belong to one host.",
    source=_GUIDE + "rule-condition-types.html#host-conditions",
    severity=Severity.HIGH,
    types=LISTENER_RULE,
)
def _without_host(rule: Resource, _: Judgement) -> Iterator[Finding]:
    found = hosts(rule)
    if not found:
        yield Finding("No condition names a host, so the rule matches every host.")
    elif not all(_HOST.fullmatch(host) for host in found):
        yield Finding("A condition on the host isn't a full host name.")


@RULES.resource(
    "forward-without-sign-in",
    title="Users are signed in before a request reaches a target.",
    remedy="Put an `authenticate-oidc` action before the `forward` action: give it the lower `order`.",
    source=_GUIDE + "listener-authenticate-users.html",
    severity=Severity.CRITICAL,
    types=LISTENER_RULE,
)
def _without_sign_in(rule: Resource, _: Judgement) -> Iterator[Finding]:
    if not _signs_in_first(rule) and not _admits_machines(rule):
        yield Finding("It forwards requests to a target without signing users in first.")


@RULES.resource(
    "machine-path-without-sign-in",
    title="No path for machines skips the sign-in without a waiver.",
    remedy="Call the service from inside its network instead, or have its owner add a waiver.",
    source=_GUIDE + "listener-authenticate-users.html",
    severity=Severity.HIGH,
    types=LISTENER_RULE,
)
def _machine_path(rule: Resource, _: Judgement) -> Iterator[Finding]:
    if not _signs_in_first(rule) and _admits_machines(rule):
        yield Finding("It forwards requests that carry their own credential to a target without a sign-in.")
