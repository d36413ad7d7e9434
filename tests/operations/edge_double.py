"""The front (Cloudflare, CloudFront) and the load balancer, which signs in like `authenticate-oidc`.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from tests.operations.kinde_double import CLIENT_ID, DOMAIN

HOSTS = {"portal.rocketclub.online": "rc-portal-0", "pipelines.rocketclub.online": "rc-pipelines-0"}
ORIGIN = "origin.rocketclub.online"
NONCE = "AWSALBAuthNonce"
DISTRIBUTIONS = {host: f"d{number}.cloudfront.net" for number, host in enumerate(HOSTS)}


@dataclass
class EdgeDouble:
    """The load balancer's configuration, and the fault on the way to it.

    `status` is the answer to everything; `callback_status` maps a host to the status of its callback. `fault` is one
    of: "", "host not forwarded", "cached redirect", "cookies stripped", "insecure cookie", "plain http", "loop",
    "open", "header not asked for", "any viewer" (no web ACL), "wrong client", "wrong scope", "always asks", "slow"
    (answers a little too late), "hangs up" (accepts a request that it should refuse, and closes the connection),
    "parked".
    `answers` maps a path to the application's JSON answer, given to requests with `credential`.
    """

    client_secret: str = ""
    status: int = 0
    callback_status: dict[str, int] = field(default_factory=dict)
    fault: str = ""
    states: dict[str, str] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    cached: dict[str, AnyResponse] = field(default_factory=dict)
    answers: dict[str, object] = field(default_factory=dict)
    credential: str = ""

    def reset(self, secret: str) -> None:
        self.client_secret, self.status, self.callback_status, self.fault, self.cached = secret, 0, {}, "", {}
        self.answers, self.credential = {}, ""


def application(edge: EdgeDouble, exchange: Callable[[str, str, str], str], *, closed_but_for: str = "") -> Flask:
    """Return the way through Cloudflare, or a way around it, which is closed unless a fault opens it.

    `exchange` asks the provider for a token with (client secret, code, callback); it returns the error, or "".
    """
    app = Flask(__name__)

    @app.before_request
    def answer() -> AnyResponse:
        host = request.host.partition(":")[0]
        if edge.fault == "slow":
            time.sleep(1.3)
        if edge.status:
            return Response(status=edge.status)
        if edge.fault == "hangs up" and (host not in HOSTS or closed_but_for):
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        if host not in HOSTS or (closed_but_for and edge.fault != closed_but_for):
            return Response("Forbidden", 403)
        if edge.fault == "open":
            return Response("<h1>Welcome</h1>", content_type="text/html")
        if edge.fault == "parked":
            return Response("The platform is parked", 503, content_type="text/plain")
        if request.path in edge.answers:
            allowed = request.authorization and f"{request.authorization.username}:{request.authorization.password}"
            return jsonify(edge.answers[request.path]) if allowed == edge.credential else Response(status=401)
        if edge.fault == "loop":
            return redirect(f"https://{host}/")
        if edge.fault == "plain http":
            return redirect(f"http://{host}/")
        if request.path == "/oauth2/idpresponse":
            return _callback(edge, exchange, host)
        if request.cookies.get(HOSTS[host], "") in edge.sessions and edge.fault != "always asks":
            return Response(f"<h1>{host}</h1>", content_type="text/html")
        return _authenticate(edge, host)

    return app


def _authenticate(edge: EdgeDouble, host: str) -> AnyResponse:
    if host in edge.cached and edge.fault == "cached redirect":
        return edge.cached[host]
    state, nonce = secrets.token_hex(8), secrets.token_hex(8)
    edge.states[state] = nonce
    query = {
        "client_id": "another" if edge.fault == "wrong client" else CLIENT_ID,
        "redirect_uri": _callback_url(edge, host),
        "response_type": "code",
        "scope": "openid" if edge.fault == "wrong scope" else "openid profile email",
        "state": state,
    }
    response = redirect(f"https://{DOMAIN}/oauth2/auth?{urlencode(query)}")
    if edge.fault != "cookies stripped":
        response.set_cookie(NONCE, nonce, secure=edge.fault != "insecure cookie", httponly=True)
    edge.cached[host] = response
    return response


def _callback(edge: EdgeDouble, exchange: Callable[[str, str, str], str], host: str) -> AnyResponse:
    if status := edge.callback_status.get(host):
        # Chromium replaces an answer without a body by a page of its own.
        return Response("" if status == 561 else f"<h1>{status}</h1>", status, content_type="text/html")
    nonce = edge.states.pop(request.args.get("state", ""), None)
    if not nonce or request.cookies.get(NONCE) != nonce:
        return Response(status=401)
    if request.args.get("error"):
        return Response(status=561)
    if exchange(edge.client_secret, request.args["code"], _callback_url(edge, host)):
        return Response(status=401)
    session = secrets.token_hex(8)
    edge.sessions.add(session)
    response = redirect(f"https://{host}/")
    response.set_cookie(HOSTS[host], session, secure=True, httponly=True)
    return response


def _callback_url(edge: EdgeDouble, host: str) -> str:
    return f"https://{ORIGIN if edge.fault == 'host not forwarded' else host}/oauth2/idpresponse"
