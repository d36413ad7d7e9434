"""The planned listener, request by request: none reaches a target without header secret and sign-in."""

from __future__ import annotations

import itertools
from typing import Any, Final

import pytest

from review.listener import CALLBACK, Answer, Request, answer
from tests.raw_plan import HEADER_SECRET, Variant, raw_plan

PREVIOUS: Final = "b2" * 32
HEADER: Final = "X-Origin-Verify"
REFUSED: Final = Answer("status", "403")

PROD: Final = Variant()
DEV: Final = Variant("dev")
ROTATION: Final = Variant(previous_header_secret=PREVIOUS)
MACHINES: Final = Variant(settings=(("openPrefectMachineApi", "true"),))
VARIANTS: Final = {"prod": PROD, "dev": DEV, "rotation": ROTATION, "machine API": MACHINES}

SESSIONS: Final = frozenset(("rc-portal", "rc-pipelines"))
PATHS: Final = (
    *("/", "/catalog", "/api/health", "/api/catalog/entities", "/API/health", "//api/health", "/api/../", CALLBACK),
    *(f"{CALLBACK}?code=x&state=y", f"{CALLBACK}/x", "/api/events/in", "/api/events/out", "/api/logs/out"),
    *("/static/x.js", "/.backstage/health/v1/readiness", "/oauth2/IDPRESPONSE", "/*", "/?"),
)
"""Pages, APIs, health checks, the WebSockets of Prefect (`/api/events/...`, `/api/logs/out`) and the callback."""
UPGRADE: Final = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
BASIC: Final = {"Authorization": "Basic dXNlcjpwYXNz"}


def hosts(variant: Variant) -> dict[str, str]:
    suffix = "" if variant.stack == "prod" else f"-{variant.stack}"
    return {name: f"{name}{suffix}.rocketclub.online" for name in ("portal", "pipelines")}


def ask(variant: Variant, request: Request) -> Answer:
    plan = raw_plan(variant)
    (listener,) = (step.inputs for step in plan if step.type == "aws:lb/listener:Listener")
    return answer(listener, [step.inputs for step in plan if step.type == "aws:lb/listenerRule:ListenerRule"], request)


def sign_in(variant: Variant) -> Answer:
    domain = {"prod": "ronaldhatcher.kinde.com", "dev": "ronaldhatcher-dev.kinde.com"}[variant.stack]
    return Answer("sign-in", f"https://{domain}/oauth2/auth")


def proven(secret: str = HEADER_SECRET, **more: str) -> dict[str, str]:
    return {HEADER: secret, **more}


NO_PROOF: Final[dict[str, dict[str, str]]] = {
    "without header": {},
    "empty": {HEADER: ""},
    "wrong": {HEADER: "c3" * 32},
    "part of it": {HEADER: HEADER_SECRET[:-1]},
    "more than it": {HEADER: HEADER_SECRET + "0"},
    "wildcard": {HEADER: "*"},
    "in another header": {"X-Origin-Verify2": HEADER_SECRET, "X-Forwarded-For": HEADER_SECRET},
    "forged identity": {"x-amzn-oidc-identity": "admin", "x-amzn-oidc-data": "e30.e30.e30"},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("headers", NO_PROOF.values(), ids=NO_PROOF)
@pytest.mark.parametrize("path", PATHS)
def test_a_request_without_the_header_secret_is_refused(variant: Variant, headers: dict[str, str], path: str) -> None:
    for host, more, sessions in itertools.product(
        hosts(variant).values(), ({}, UPGRADE, BASIC), (frozenset(), SESSIONS)
    ):
        assert ask(variant, Request(host, path, {**headers, **more}, sessions)) == REFUSED


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("upgrade", [{}, UPGRADE], ids=["request", "WebSocket"])
def test_a_request_with_the_header_secret_and_no_session_is_sent_to_the_sign_in(
    variant: Variant, path: str, upgrade: dict[str, str]
) -> None:
    for host in hosts(variant).values():
        found = ask(variant, Request(host, path, proven() | upgrade))
        assert found == (Answer("callback") if path.partition("?")[0] == CALLBACK else sign_in(variant))


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("path", [path for path in PATHS if path.partition("?")[0] != CALLBACK])
@pytest.mark.parametrize("upgrade", [{}, UPGRADE], ids=["request", "WebSocket"])
def test_a_request_with_header_secret_and_session_reaches_a_target(
    variant: Variant, path: str, upgrade: dict[str, str]
) -> None:
    for name, host in hosts(variant).items():
        found = ask(variant, Request(host, path, proven() | upgrade, frozenset((f"rc-{name}",))))
        assert found.kind == "target"


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_the_session_of_one_application_opens_no_other(variant: Variant) -> None:
    portal, pipelines = hosts(variant).values()
    assert ask(variant, Request(pipelines, "/", proven(), frozenset(("rc-portal",)))) == sign_in(variant)
    assert ask(variant, Request(portal, "/", proven(), frozenset(("rc-pipelines",)))) == sign_in(variant)
    assert ask(variant, Request(portal, "/", proven(), frozenset(("AWSELBAuthSessionCookie",)))) == sign_in(variant)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize(
    "host",
    [
        *("rocketclub.online", "origin.rocketclub.online", "other.rocketclub.online", "xportal.rocketclub.online"),
        *("portal.rocketclub.online.example.org", "portal.staging.rocketclub.online", "", "localhost", "10.0.0.7"),
        *("d111111abcdef8.cloudfront.net", "prod-edge-1.eu-central-1.elb.amazonaws.com", "portal-rocketclub.online"),
    ],
)
def test_an_unknown_host_is_refused(variant: Variant, host: str) -> None:
    for path in PATHS:
        assert ask(variant, Request(host, path, proven() | BASIC, SESSIONS)) == REFUSED


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_hosts_of_another_stack_are_refused(variant: Variant) -> None:
    for host in hosts(DEV if variant.stack == "prod" else PROD).values():
        assert ask(variant, Request(host, "/", proven(), SESSIONS)) == REFUSED


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_the_case_and_port_of_a_host_make_no_difference(variant: Variant) -> None:
    for host in hosts(variant).values():
        for written in (host.upper(), f"{host.title()}:443"):
            assert ask(variant, Request(written, "/", proven())) == sign_in(variant)
            assert ask(variant, Request(written, "/")) == REFUSED
            assert ask(variant, Request(written, "/", {HEADER.lower(): HEADER_SECRET}, SESSIONS)).kind == "target"


def test_the_old_header_secret_is_accepted_only_during_a_rotation() -> None:
    for host in hosts(PROD).values():
        old = Request(host, "/", {HEADER: PREVIOUS})
        assert ask(PROD, old) == REFUSED
        assert ask(ROTATION, old) == sign_in(ROTATION)
        assert ask(ROTATION, Request(host, "/", {HEADER: PREVIOUS}, SESSIONS)).kind == "target"
        assert ask(ROTATION, Request(host, "/", {HEADER: "d4" * 32}, SESSIONS)) == REFUSED


MACHINE_REQUESTS: Final[list[tuple[str, str, dict[str, str], bool]]] = [
    # host, path, headers beside the secret, whether it goes past the sign-in
    ("pipelines", "/api/flows/filter", BASIC, True),
    ("PIPELINES", "/api/health", BASIC, True),
    ("pipelines", "/api/events/in", BASIC | UPGRADE, True),
    ("pipelines", "/api/../admin", BASIC, True),  # the target resolves it, and still asks for its own credential
    ("pipelines", "/api/events/in", UPGRADE, False),
    ("pipelines", "/api/flows/filter", {}, False),
    ("pipelines", "/api/flows/filter", {"Authorization": "Bearer x"}, False),
    ("pipelines", "/api/flows/filter", {"Authorization": "Basic"}, False),
    ("pipelines", "/API/flows/filter", BASIC, False),
    ("pipelines", "/apix", BASIC, False),
    ("pipelines", "/api", BASIC, False),
    ("pipelines", "/", BASIC, False),
    ("portal", "/api/catalog/entities", BASIC, False),
]


@pytest.mark.parametrize(("label", "path", "headers", "passes"), MACHINE_REQUESTS)
def test_only_basic_credentials_on_the_machine_api_skip_the_sign_in(
    label: str, path: str, headers: dict[str, str], passes: bool
) -> None:
    host = f"{label}.rocketclub.online"
    assert ask(PROD, Request(host, path, proven() | headers)) == sign_in(PROD)
    assert ask(MACHINES, Request(host, path, proven() | headers)).kind == ("target" if passes else "sign-in")
    assert ask(MACHINES, Request(host, path, headers)) == REFUSED


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_each_target_group_has_the_port_of_its_application(variant: Variant) -> None:
    """Each rule forwards to the target group created beside it; its ARN isn't known in a plan."""
    groups: dict[str, Any] = {
        # Its name ends in a hash of the properties that can't be changed in place.
        step.inputs["name"].rpartition("-")[0]: step.inputs["port"]
        for step in raw_plan(variant)
        if step.type == "aws:lb/targetGroup:TargetGroup"
    }
    assert groups == {f"{variant.stack}-portal": 7007, f"{variant.stack}-pipelines": 4200}


# --- the simulation itself, on rules that the plan doesn't have ---

LISTENER: Final = {"defaultActions": [{"type": "fixed-response", "fixedResponse": {"statusCode": "403"}}]}


def rule(priority: int, target: str, *conditions: dict[str, Any], **sign_in: str) -> dict[str, Any]:
    actions: list[dict[str, Any]] = [{"type": "forward", "order": 2, "targetGroupArn": target}]
    if sign_in:
        actions.append({"type": "authenticate-oidc", "order": 1, "authenticateOidc": sign_in})
    return {"priority": priority, "conditions": list(conditions), "actions": actions}


def host(*values: str) -> dict[str, Any]:
    return {"hostHeader": {"values": list(values)}}


def path(*values: str) -> dict[str, Any]:
    return {"pathPattern": {"values": list(values)}}


@pytest.mark.parametrize(
    ("rules", "request_", "found"),
    [
        ([], Request("a.b"), REFUSED),
        ([rule(2, "second", host("a.b")), rule(1, "first", host("a.b"))], Request("a.b"), Answer("target", "first")),
        ([rule(1, "one", host("a.b"), path("/x"))], Request("a.b", "/y"), REFUSED),
        ([rule(1, "one", host("x.y", "a.b"))], Request("a.b"), Answer("target", "one")),
        ([rule(1, "one", host("*.b"))], Request("a.B"), Answer("target", "one")),
        ([rule(1, "one", host("?.b"))], Request("aa.b"), REFUSED),
        ([rule(1, "one", path("/a/*"))], Request("a.b", "/A/x"), REFUSED),
        ([rule(1, "one", path("/a/*"))], Request("a.b", "/a/x?q=1"), Answer("target", "one")),
        (
            [rule(1, "one", host("a.b"), authorizationEndpoint="https://idp", onUnauthenticatedRequest="allow")],
            Request("a.b"),
            Answer("target", "one"),
        ),
        (
            [rule(1, "one", host("a.b"), authorizationEndpoint="https://idp", onUnauthenticatedRequest="deny")],
            Request("a.b"),
            Answer("status", "401"),
        ),
        (
            [rule(1, "one", host("a.b"), authorizationEndpoint="https://idp")],
            Request("a.b", CALLBACK),
            Answer("callback"),
        ),
        ([rule(1, "one", host("a.b"))], Request("a.b", CALLBACK), Answer("target", "one")),
    ],
)
def test_the_simulation_follows_the_rules_of_a_load_balancer(
    rules: list[dict[str, Any]], request_: Request, found: Answer
) -> None:
    assert answer(LISTENER, rules, request_) == found
