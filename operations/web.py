"""HTTP requests with timeouts, retries with growing pauses, and a way to connect to a host at another address."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from stackfiles.failures import BadConfiguration

_NAME: Final = "platform-operations"
_ATTEMPTS: Final = 3
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
BUSY: Final = frozenset({429})
UNAVAILABLE: Final = frozenset({429, 500, 502, 503, 504})

Routes = Mapping[tuple[str, int], tuple[str, int]]
"""(host, port) -> (address, port) to connect to instead."""


def parse_routes(texts: Collection[str]) -> dict[tuple[str, int], tuple[str, int]]:
    """Parse `HOST:PORT:ADDRESS:PORT`, the format of curl's `--connect-to`.

    Raises:
        BadConfiguration: a text is something else.

    >>> parse_routes(["portal.example.com:443:127.0.0.1:8443"])
    {('portal.example.com', 443): ('127.0.0.1', 8443)}
    """
    routes = {}
    for text in texts:
        match = re.fullmatch(r"([^:]+):(\d{1,5}):([^:]+):(\d{1,5})", text)
        if not match:
            raise BadConfiguration(f"--connect-to {text}: accepted: HOST:PORT:ADDRESS:PORT")
        host, port, address, other = match.groups()
        routes[host, int(port)] = (address, int(other))
    return routes


@dataclass(frozen=True)
class Web:
    """How to reach hosts: the time limit in seconds for each step of a request, and other addresses for some hosts."""

    timeout: float
    routes: Routes = field(default_factory=dict)
    trust: ssl.SSLContext = field(default_factory=httpx.create_ssl_context)
    """Trusts public authorities, or those in the file that SSL_CERT_FILE names."""

    def client(self) -> httpx.Client:
        """Return a client with its own cookies. It follows no redirects."""
        return httpx.Client(transport=_Routed(self), timeout=self.timeout, headers={"User-Agent": _NAME})

    def address(self, host: str, port: int = 443) -> tuple[str, int]:
        """Return the address to connect to for a host."""
        return self.routes.get((host, port), (host, port))


class _Routed(httpx.BaseTransport):
    """Connects to the routed address, but keeps the requested host in the TLS handshake and the Host header."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._inner = httpx.HTTPTransport(verify=web.trust)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        address, other = self._web.address(host, port)
        return self._inner.handle_request(
            httpx.Request(
                request.method,
                request.url.copy_with(host=address, port=other),
                headers=request.headers,
                stream=request.stream,
                extensions={"sni_hostname": host, **request.extensions},
            )
        )

    def close(self) -> None:
        self._inner.close()


def send(
    client: httpx.Client,
    method: str,
    url: str,
    retried: Collection[int] = BUSY,
    **options: Any,  # noqa: ANN401 - httpx's
) -> httpx.Response:
    """Send a request; retry it after a timeout, a dropped connection or one of the `retried` statuses.

    Raises:
        httpx.TransportError: no answer, even after retries.
    """
    pause = _FIRST_PAUSE
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            response = client.request(method, url, **options)
        except httpx.TransportError as error:
            if attempt == _ATTEMPTS or refused_certificate(error):
                raise
        else:
            if attempt == _ATTEMPTS or response.status_code not in retried:
                return response
            asked = response.headers.get("Retry-After", "")
            pause = max(pause, float(asked)) if asked.isdecimal() else pause
        time.sleep(min(pause, _LONGEST_PAUSE))
        pause *= 2
    raise AssertionError("the last attempt returns or raises")


def refused_certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the certificate verification error that caused an error, or None."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause


def without_query(url: str) -> str:
    """Return a URL without its query, which may contain a code or a state."""
    return url.split("?", 1)[0].split("#", 1)[0]
