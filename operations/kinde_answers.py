"""Asks Kinde for its discovery document, and whether it accepts a client secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Final

import httpx
from pydantic import SecretStr

from components.kinde_endpoints import Endpoints, callback_url
from operations.stack import Stack
from operations.verdicts import Check, Verdict
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
    """Kinde's answer about a client secret."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


def discovery(stack: Stack, web: Web) -> list[Verdict]:
    """Compare Kinde's discovery document with the endpoints that the load balancer is configured with.

    If one differs, the load balancer answers 401. Source: https://openid.net/specs/openid-connect-discovery-1_0.html
    """
    url = f"https://{stack.settings.kinde_domain}/.well-known/openid-configuration"
    check = Check("kinde/discovery", "Kinde: discovery document")
    try:
        with web.client() as client:
            response = send(client, "GET", url, UNAVAILABLE)
        document = response.json() if response.status_code == 200 else None
    except httpx.TransportError as error:
        return [check.failed(f"{url}: no answer ({type(error).__name__})")]
    except ValueError:
        return [check.failed(f"{url} isn't JSON")]
    if not isinstance(document, dict):
        return [check.failed(f"{url} answers {response.status_code}; is kindeDomain right?")]
    return [_endpoint(name, expected, document) for name, expected in asdict(stack.endpoints).items()]


def _endpoint(name: str, expected: str, document: Mapping[str, object]) -> Verdict:
    check = Check(f"kinde/{name.replace('_', '-')}", f"Kinde: {name.replace('_', ' ')}")
    member, setting = _KEYS[name]
    found = document.get(member, "nothing")
    if found == expected:
        return check.passed(expected)
    return check.failed(f"Kinde says {found}, but the load balancer is configured with {expected}; set {setting}")


def judge(stack: Stack, web: Web, secret: SecretStr) -> ClientSecret:
    """Ask Kinde's token endpoint about a client secret, with an invalid code.

    Kinde answers `invalid_client` to a wrong secret and `invalid_grant` to a right one with a wrong code (RFC 6749,
    section 5.2). A client may be registered for only one authentication method, so both are tried.

    Raises:
        Failure: Kinde doesn't answer, or answers something else.
    """
    with web.client() as client:
        for in_body in (True, False):
            error = _exchange(client, stack.endpoints, stack, secret, in_body=in_body)
            if error == "invalid_grant":
                return ClientSecret.ACCEPTED
            if error != "invalid_client":
                raise Failure(f"Kinde's token endpoint answers neither invalid_grant nor invalid_client, but {error}")
    return ClientSecret.REFUSED


def _exchange(client: httpx.Client, where: Endpoints, stack: Stack, secret: SecretStr, *, in_body: bool) -> str:
    """Return the error in the token endpoint's answer."""
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
