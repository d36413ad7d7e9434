"""What Kinde itself says: its discovery document, and whether it takes a client secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Final

import httpx
from pydantic import SecretStr

from components.kinde_endpoints import Endpoints, callback_url
from operations.stack import Stack
from operations.verdicts import Verdict, failed, passed
from operations.web import UNAVAILABLE, Web, send
from stackfiles.failures import Failure

_KEYS: Final = {
    "issuer": ("issuer", "kindeIssuer"),
    "authorization": ("authorization_endpoint", "kindeAuthorizationEndpoint"),
    "token": ("token_endpoint", "kindeTokenEndpoint"),
    "user_info": ("userinfo_endpoint", "kindeUserInfoEndpoint"),
}
"""Endpoint -> its member in the discovery document, and the setting that overrides it."""


class ClientSecret(StrEnum):
    """Kinde's opinion of a client secret."""

    TAKEN = "taken"
    REFUSED = "refused"


def discovery(stack: Stack, web: Web) -> list[Verdict]:
    """Hold Kinde's discovery document against the endpoints that the load balancer gets.

    Source: https://openid.net/specs/openid-connect-discovery-1_0.html ; the load balancer answers 401 when one differs.
    """
    url = f"https://{stack.settings.kinde_domain}/.well-known/openid-configuration"
    subject = "Kinde: discovery document"
    try:
        with web.client() as client:
            response = send(client, "GET", url, UNAVAILABLE)
        document = response.json() if response.status_code == 200 else None
    except httpx.TransportError as error:
        return [failed(subject, f"{url}: no answer ({type(error).__name__})")]
    except ValueError:
        return [failed(subject, f"{url}: is not JSON")]
    if not isinstance(document, dict):
        return [failed(subject, f"{url}: answers {response.status_code}; is kindeDomain right?")]
    return [_endpoint(name, expected, document) for name, expected in asdict(stack.endpoints).items()]


def _endpoint(name: str, expected: str, document: Mapping[str, object]) -> Verdict:
    subject = f"Kinde: {name.replace('_', ' ')}"
    member, setting = _KEYS[name]
    found = document.get(member, "nothing")
    if found == expected:
        return passed(subject, expected)
    return failed(subject, f"Kinde says {found}, the load balancer gets {expected}; set {setting}")


def judge(stack: Stack, web: Web, secret: SecretStr) -> ClientSecret:
    """Ask Kinde's token endpoint about a client secret, with a code that can't be right.

    A wrong secret is an `invalid_client`, a wrong code an `invalid_grant` (RFC 6749, section 5.2). A client may be
    registered for one way of authenticating only, so both are tried.

    Raises:
        Failure: Kinde doesn't answer, or says something else.
    """
    with web.client() as client:
        for in_body in (True, False):
            error = _exchange(client, stack.endpoints, stack, secret, in_body=in_body)
            if error == "invalid_grant":
                return ClientSecret.TAKEN
            if error != "invalid_client":
                raise Failure(f"Kinde's token endpoint answers neither invalid_grant nor invalid_client, but {error}")
    return ClientSecret.REFUSED


def _exchange(client: httpx.Client, where: Endpoints, stack: Stack, secret: SecretStr, *, in_body: bool) -> str:
    """Return the error that the token endpoint names."""
    client_id = stack.settings.kinde_client_id
    form = {
        "grant_type": "authorization_code",
        "code": "not-a-code",
        "redirect_uri": callback_url(next(iter(stack.hosts.values()))),
    }
    basic = None if in_body else httpx.BasicAuth(client_id, secret.get_secret_value())
    if in_body:
        form |= {"client_id": client_id, "client_secret": secret.get_secret_value()}
    try:
        response = send(client, "POST", where.token, UNAVAILABLE, data=form, auth=basic)
    except httpx.TransportError as error:
        raise Failure(f"Kinde's token endpoint doesn't answer ({type(error).__name__}); nothing was changed") from None
    try:
        error_name = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}"
    known = error_name if error_name in ("invalid_client", "invalid_grant") else "another error"
    return known if known != "another error" else f"another error (HTTP {response.status_code})"
