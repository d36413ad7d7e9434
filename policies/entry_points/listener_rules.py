"""Listener rules: host and header first, then the sign-in, then a target."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from policies.entry_points import header
from policies.entry_points.kinds import LISTENER_RULE
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity, Unjudgeable

_GUIDE: Final = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"

_ACTIONS: Final = frozenset(("authenticate-oidc", "forward", "fixed-response", "jwt-validation"))
"""What a rule may do. `authenticate-cognito` is another identity provider, `redirect` leads anywhere."""

_HOST: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_NARROW_PATH: Final = re.compile(r"/[A-Za-z0-9_-]+.*")
"""A pattern that starts with a name of its own, unlike `*` and `/*`."""


class Action(NamedTuple):
    """One action of a rule: when it runs, what it is, and where it stands in the rule."""

    order: float
    kind: str
    path: str


def actions(rule: Resource) -> list[Action]:
    """Return the actions of a rule in the order in which they run.

    Raises:
        Unjudgeable: there are none, or it isn't certain which runs first.
    """
    given = rule.items("actions")
    if not given:
        raise Unjudgeable("actions", "is missing; the gate needs what the rule does", rule.urn)
    found = []
    for index, _ in enumerate(given):
        path = f"actions.{index}"
        order = rule.get(f"{path}.order", 1 if len(given) == 1 else None)
        if isinstance(order, bool) or not isinstance(order, int | float):
            raise Unjudgeable(f"{path}.order", "is no number; actions run by it", rule.urn)
        found.append(Action(order, rule.text(f"{path}.type"), path))
    if len({action.order for action in found}) < len(found):
        raise Unjudgeable("actions", "has two actions of the same order", rule.urn)
    return sorted(found)


def hosts(rule: Resource) -> list[str]:
    """Return the hosts that a rule asks for, as they are written; none if it takes every host."""
    found: list[str] = []
    for index, _ in enumerate(rule.items("conditions")):
        path = f"conditions.{index}.hostHeader.values"
        found += [rule.text(f"{path}.{number}") for number, _ in enumerate(rule.items(path))]
    return found


def signs_in_first(rule: Resource) -> bool:
    """Tell whether a rule signs users in before it forwards them anywhere."""
    kinds = [action.kind for action in actions(rule)]
    return "authenticate-oidc" in kinds[: kinds.index("forward")] if "forward" in kinds else True


def _unexpected(rule: Resource, _: Judgement) -> Iterator[Finding]:
    for action in actions(rule):
        if action.kind not in _ACTIONS:
            yield Finding(f"`{action.path}.type` is none of {', '.join(sorted(_ACTIONS))}.")
    if rule.items("transforms"):
        yield Finding("`transforms` rewrites the request after its conditions were checked.")


def _without_header(rule: Resource, judgement: Judgement) -> Iterator[Finding]:
    paths = list(header.accepted_paths(rule, judgement))
    if not any(rule.items(path) for path in paths):
        yield Finding(f"No condition asks for a value of `{judgement.config['header']}`.")


def _without_host(rule: Resource, _: Judgement) -> Iterator[Finding]:
    found = hosts(rule)
    if not found:
        yield Finding("No condition asks for a host, so the rule answers for every one.")
    elif not all(_HOST.fullmatch(host) for host in found):
        yield Finding("A condition on the host isn't a whole host name.")


def _without_sign_in(rule: Resource, _: Judgement) -> Iterator[Finding]:
    if not signs_in_first(rule) and not _is_machine_path(rule):
        yield Finding("It forwards requests to a target, and nobody is signed in before.")


def _machine_path(rule: Resource, _: Judgement) -> Iterator[Finding]:
    if not signs_in_first(rule) and _is_machine_path(rule):
        yield Finding("It forwards requests to a target on their own credential, without a sign-in.")


def _is_machine_path(rule: Resource) -> bool:
    """Tell whether a rule is what machines are let through by: some paths, with a credential of their own."""
    if any(action.kind == "authenticate-oidc" for action in actions(rule)):
        return False
    credential = any(action.kind == "jwt-validation" for action in actions(rule)[:-1])
    narrow = False
    for index, _ in enumerate(rule.items("conditions")):
        path = f"conditions.{index}"
        patterns = rule.items(f"{path}.pathPattern.values")
        if patterns and all(
            _NARROW_PATH.fullmatch(rule.text(f"{path}.pathPattern.values.{number}"))
            for number, _ in enumerate(patterns)
        ):
            narrow = True
        if rule.get(f"{path}.httpHeader") is not None:
            name = rule.text(f"{path}.httpHeader.httpHeaderName")
            credential = credential or (
                name.lower() == "authorization" and bool(rule.items(f"{path}.httpHeader.values"))
            )
    return narrow and credential


RULES: Final = (
    Rule(
        id="unexpected-action",
        title="A listener rule signs in, forwards or refuses, and leaves the request as it was checked.",
        remedy="Use `authenticate-oidc`, `forward` or `fixed-response`, and no transforms.",
        source=_GUIDE + "rule-action-types.html",
        severity=Severity.HIGH,
        check=_unexpected,
        types=LISTENER_RULE,
    ),
    Rule(
        id="rule-without-header-check",
        title="Every listener rule asks for the header secret.",
        remedy="Add a condition on the header to the rule itself: conditions are ANDed, and the first rule that "
        "matches wins, so that no other place can refuse for it.",
        source="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/restrict-access-to-load-balancer.html",
        severity=Severity.CRITICAL,
        check=_without_header,
        types=LISTENER_RULE,
        config=header.HEADER,
    ),
    Rule(
        id="rule-without-host",
        title="Every listener rule answers for hosts that it names in full.",
        remedy="Add a condition on the host with whole names: the sign-in and its cookie belong to one host.",
        source=_GUIDE + "rule-condition-types.html#host-conditions",
        severity=Severity.HIGH,
        check=_without_host,
        types=LISTENER_RULE,
    ),
    Rule(
        id="forward-without-sign-in",
        title="Users are signed in before a request reaches a target.",
        remedy="Put an `authenticate-oidc` action before the `forward` action: give it the lower `order`.",
        source=_GUIDE + "listener-authenticate-users.html",
        severity=Severity.CRITICAL,
        check=_without_sign_in,
        types=LISTENER_RULE,
    ),
    Rule(
        id="machine-path-without-sign-in",
        title="Paths for machines, which go past the sign-in, are agreed upon.",
        remedy="Call the service from inside its network instead, or write down a waiver with who answers for it.",
        source=_GUIDE + "listener-authenticate-users.html",
        severity=Severity.HIGH,
        check=_machine_path,
        types=LISTENER_RULE,
    ),
)
