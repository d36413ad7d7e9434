"""An OpenID provider that behaves like Kinde, as far as signing in through the load balancer needs it."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

DOMAIN = "ronaldhatcher.kinde.com"
CLIENT_ID = "0123456789abcdef0123456789abcdef"
EMAIL = "test-user@example.com"


@dataclass
class KindeDouble:
    """Kinde's state, and its fault.

    `fault` is one of: "", "busy" (429 once), "down" (503), "odd" (an unknown error), "loop" (the sign-in page redirects
    to itself), "error" (an error is sent back at once), "wrong issuer", "no page" (503 instead of it).
    `page_faults` maps the host that asks for a sign-in to one of: "one-time code", "shows password" (a wrong one),
    "elsewhere" (the page is on another host), "busy" (its forms take a while).
    Cloudflare's and CircleCI's APIs are here too. `zone` has the other contents of a zone: a phase of rules, `routes`,
    `pagerules` or a name of records -> a list in Cloudflare's form; `contexts` has the restrictions of each context of
    CircleCI. `unreadable` has what the token may not read: keys of `zone`, or `contexts`.
    `authentication` is the only way in which the token endpoint accepts the client secret.
    """

    client_secrets: set[str] = field(default_factory=set)
    callbacks: set[str] = field(default_factory=set)
    password: str = ""
    authentication: str = "body"
    fault: str = ""
    page_faults: dict[str, str] = field(default_factory=dict)
    token_calls: int = 0
    signed_in: set[str] = field(default_factory=set)
    flows: dict[str, dict[str, str]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    zone: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    contexts: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)

    def reset(self, secret: str, password: str, callbacks: set[str]) -> None:
        self.client_secrets, self.password, self.callbacks = {secret}, password, callbacks
        self.authentication, self.fault, self.token_calls = "body", "", 0
        self.page_faults, self.zone, self.contexts, self.unreadable = {}, {}, {}, set()

    def page_fault(self, query: dict[str, str]) -> str:
        """The fault of the pages that a request leads to."""
        return self.page_faults.get(urlsplit(query["redirect_uri"]).hostname or "", "")


def application(kinde: KindeDouble) -> Flask:
    """Return the provider's pages and endpoints, and the part of Cloudflare's API about hosts and records."""
    app = Flask(__name__)

    @app.get("/.well-known/openid-configuration")
    def discovery() -> AnyResponse | dict[str, str]:
        if kinde.fault == "down":
            return Response(status=503)
        base = f"https://{DOMAIN}"
        return {
            "issuer": f"{base}/other" if kinde.fault == "wrong issuer" else base,
            "authorization_endpoint": f"{base}/oauth2/auth",
            "token_endpoint": f"{base}/oauth2/token",
            "userinfo_endpoint": f"{base}/oauth2/v2/user_profile",
        }

    @app.post("/oauth2/token")
    def token() -> Any:  # noqa: ANN401 - whatever Flask takes
        kinde.token_calls += 1
        if kinde.fault == "down" or (kinde.fault == "busy" and kinde.token_calls == 1):
            return Response(status=503 if kinde.fault == "down" else 429)
        if kinde.fault == "odd":
            return {"error": "unsupported_grant_type"}, 400
        if _client_secret(kinde.authentication) not in kinde.client_secrets:
            return {"error": "invalid_client"}, 401
        if kinde.codes.pop(request.form.get("code", ""), None) != request.form.get("redirect_uri"):
            return {"error": "invalid_grant"}, 400
        return {"access_token": secrets.token_hex(8), "token_type": "bearer"}

    _add_sign_in_pages(app, kinde)
    _add_cloudflare(app, kinde)
    _add_circleci(app, kinde)
    return app


def _add_sign_in_pages(app: Flask, kinde: KindeDouble) -> None:
    @app.get("/oauth2/auth")
    def authorize() -> AnyResponse:
        query = request.args.to_dict()
        if query.get("redirect_uri") not in kinde.callbacks or query.get("client_id") != CLIENT_ID:
            return Response("<h1>Invalid redirect_uri</h1>", 400, content_type="text/html")
        if kinde.fault == "error":
            return _back(query, error="server_error")
        if request.cookies.get("kinde_session") in kinde.signed_in:
            return _signed_in(kinde, query)
        flow = secrets.token_hex(8)
        kinde.flows[flow] = query
        host = "https://api.cloudflare.com" if kinde.page_fault(query) == "elsewhere" else ""
        return redirect(f"{host}/auth/start?flow={flow}")

    @app.get("/auth/start")
    def start() -> AnyResponse:
        if kinde.fault == "loop":
            return redirect(request.full_path)
        if kinde.fault == "no page":
            return Response(status=503)
        flow = request.args["flow"]
        return _page("/auth/email", flow, '<input type="email" name="p_email" autofocus>')

    @app.post("/auth/email")
    def email() -> AnyResponse:
        if request.form.get("p_email") != EMAIL:
            return _page("/auth/email", request.form["flow"], '<input type="email" name="p_email" autofocus>')
        if kinde.page_fault(kinde.flows[request.form["flow"]]) == "one-time code":
            fields = f'<input name="p_email" value="{EMAIL}"><input name="p_code" autocomplete="one-time-code">'
            return _page("/auth/code", request.form["flow"], fields)
        busy = kinde.page_fault(kinde.flows[request.form["flow"]]) == "busy"
        field = '<input type="password" name="p_password" autofocus>'
        return _page("/auth/password", request.form["flow"], field, busy=busy)

    @app.post("/auth/password")
    def password() -> AnyResponse:
        given = request.form.get("p_password", "")
        if given != kinde.password:
            # Kinde never shows it, but if a page did, the password must not end up in a screenshot.
            fault = kinde.page_fault(kinde.flows[request.form["flow"]])
            shown = f"<p>{given} is wrong</p>" if fault == "shows password" else ""
            return _page("/auth/password", request.form["flow"], f'{shown}<input type="password" name="p_password">')
        return _signed_in(kinde, kinde.flows.pop(request.form["flow"]))


Listed = dict[str, Any] | tuple[dict[str, Any], int]


def _add_cloudflare(app: Flask, kinde: KindeDouble) -> None:
    def listed(key: str) -> Listed:
        if key in kinde.unreadable:
            return {"success": False, "errors": [{"code": 10000}]}, 403
        return {"result": kinde.zone.get(key, [])}

    @app.get("/client/v4/zones")
    def cloudflare_zones() -> dict[str, Any]:
        return {"result": [{"id": "0123456789abcdef" * 2}] if request.args["name"] == "acme.io" else []}

    @app.get("/client/v4/zones/<zone>")
    def cloudflare_zone(zone: str) -> dict[str, Any]:
        return {"result": {"name": "rocketclub.online", "status": "active"}}

    @app.get("/client/v4/zones/<zone>/dns_records")
    def cloudflare_records(zone: str) -> Listed:
        name = request.args["name"]
        if name.startswith("_acme-challenge."):
            return listed(name)
        # The origin's record is proxied, which is wrong.
        return {"result": [{"type": "CNAME", "proxied": True}] if "pipelines" not in name else []}

    @app.get("/client/v4/zones/<zone>/workers/routes")
    def cloudflare_routes(zone: str) -> Listed:
        return listed("routes")

    @app.get("/client/v4/zones/<zone>/pagerules")
    def cloudflare_page_rules(zone: str) -> Listed:
        return listed("pagerules")

    @app.get("/client/v4/zones/<zone>/rulesets/phases/<phase>/entrypoint")
    def cloudflare_rules(zone: str, phase: str) -> Listed:
        if phase in kinde.unreadable:
            return listed(phase)
        if phase in kinde.zone:
            return {"result": {"rules": kinde.zone[phase]}}
        # A zone without rules in a phase has no ruleset for it.
        if phase != "http_request_cache_settings":
            return {"result": None, "success": False, "errors": [{"code": 10003}]}, 404
        return {
            "result": {
                "rules": [
                    {"action": "set_cache_settings", "action_parameters": {"cache": False}, "expression": "bypassed"},
                    {"action": "set_cache_settings", "action_parameters": {"cache": True}, "expression": "everything"},
                    {"action": "set_cache_settings", "enabled": False, "expression": "turned off"},
                ]
            }
        }


def _add_circleci(app: Flask, kinde: KindeDouble) -> None:
    @app.get("/api/v3/contexts")
    def contexts() -> Listed:
        if "contexts" in kinde.unreadable:
            return {"error": "forbidden"}, 403
        assert request.args["filter[org_id]"]
        return {"data": [{"id": f"id-of-{name}", "attributes": {"name": name}} for name in kinde.contexts]}

    @app.get("/api/v3/context-restrictions")
    def restrictions() -> Listed:
        given = kinde.contexts[request.args["filter[context_id]"].removeprefix("id-of-")]
        return {"data": [{"id": "it", "attributes": attributes} for attributes in given]}


def _client_secret(authentication: str) -> str | None:
    if authentication == "body":
        return request.form.get("client_secret")
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return base64.b64decode(text).decode().partition(":")[2] if scheme == "Basic" else None


def _page(action: str, flow: str, field: str, *, busy: bool = False) -> AnyResponse:
    late = 'onsubmit="setTimeout(() => this.submit(), 1000); return false"' if busy else ""
    html = (
        f'<!doctype html><title>Sign in</title><h1>Sign in</h1><form method="post" action="{action}" {late}>'
        f'<input type="hidden" name="flow" value="{flow}">{field}<button>Continue</button></form>'
    )
    return Response(html, content_type="text/html")


def _signed_in(kinde: KindeDouble, query: dict[str, str]) -> AnyResponse:
    code, session = secrets.token_hex(8), secrets.token_hex(8)
    kinde.codes[code] = query["redirect_uri"]
    kinde.signed_in.add(session)
    response = _back(query, code=code)
    response.set_cookie("kinde_session", session, secure=True, httponly=True)
    return response


def _back(query: dict[str, str], **result: str) -> AnyResponse:
    return redirect(f"{query['redirect_uri']}?{urlencode({**result, 'state': query['state']})}")
