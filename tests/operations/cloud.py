"""AWS on loopback: moto's server behind a gate that can refuse, drop, throttle or hold single calls."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import moto.backends
import moto.settings
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.core import responses
from moto.kms import models as kms
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends
from werkzeug.test import EnvironBuilder, run_wsgi_app

ACCOUNT = "123456789012"
REGION = "eu-central-1"
JSON = {"Content-Type": "application/x-amz-json-1.1"}
_FAULT = "X-Fault"
"""The header of a call that is recorded already, with its fault."""
_OF_THE_CONNECTION = ("Connection", "Date", "Server", "Transfer-Encoding")
"""Headers that the gate sets itself."""

Fault = Callable[[int, str], str]
"""(number of the call from 1, operation) -> "" to let it through, "before" or "after" to fail it before or after
it takes effect, "lost" to let it through and drop the answer, "hold" to answer too late, "forbidden" to answer 403
without a body, as S3 does to a HEAD, or an AWS error code. The operation is its name, or the path if it has none."""


def no_fault(number: int, operation: str) -> str:
    return ""


def fault_at(number: int, kind: str) -> Fault:
    """Fail one call."""
    return lambda call, _: kind if call == number else ""


def fault_of(operation: str, kind: str, times: int = 1_000) -> Fault:
    """Fail the first calls of an operation."""
    seen: list[str] = []

    def fault(_: int, called: str) -> str:
        if called != operation or len(seen) >= times:
            return ""
        seen.append(called)
        return kind

    return fault


def is_change(method: str, operation: str) -> bool:
    """Tell whether a call changes the account. The path of GetCallerIdentity is `/`."""
    return method not in ("GET", "HEAD") and operation != "/" and not operation.startswith(("Get", "List", "Describe"))


@dataclass(frozen=True)
class Answer:
    """The answer to a call."""

    status: int
    content: bytes
    headers: Mapping[str, str]


class _Raw(io.BytesIO):
    """The content of an answer, as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@dataclass
class Cloud:
    """The gate's state: its address, the operations that were called (and with which method), and the faults."""

    url: str = ""
    moto: DomainDispatcherApplication = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))
    fault: Fault = no_fault
    calls: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    written: int = 0
    """How many successful calls changed the account. Runs that broke off after the same number left the same state."""
    released: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        self.fault, self.calls, self.requests, self.written = no_fault, [], [], 0

    def empty(self) -> None:
        """Delete everything in the account, and forget the calls."""
        moto_api_backend.reset()
        self.reset()

    def note(self, method: str, path: str, headers: Mapping[str, str]) -> str:
        """Record a call, and return its fault."""
        operation = headers.get("X-Amz-Target", "").rpartition(".")[2] or path
        self.calls.append(operation)
        self.requests.append((method, operation))
        fault = self.fault(len(self.calls), operation)
        self.written += fault in ("", "after", "lost") and is_change(method, operation)
        return fault

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes | str, fault: str) -> Answer:
        """Carry a call out, unless its fault comes first, and return the answer."""
        if fault == "forbidden":
            return Answer(403, b"", {})
        if fault in ("", "after", "lost"):
            asked = EnvironBuilder(path, method=method, headers=[*headers.items()], data=body)
            content, status, given = run_wsgi_app(self.moto, asked.get_environ(), buffered=True)
            if fault != "after":
                return Answer(int(status.split()[0]), b"".join(content), dict(given))
        code = "BrokenOff" if fault in ("before", "after") else fault
        if headers.get("X-Amz-Target"):
            return Answer(400, json.dumps({"__type": code, "message": "refused"}).encode(), JSON)
        text = f"<ErrorResponse><Error><Code>{code}</Code><Message>refused</Message></Error></ErrorResponse>"
        return Answer(400, text.encode(), {"Content-Type": "text/xml"})

    def answer_here(self, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        """Answer a call of this process without a connection (botocore's event `before-send`), at half the cost.

        A call that needs a connection for its fault, and every call of another process, comes over one.
        """
        url = urlsplit(request.url)
        path = url.path + (url.query and f"?{url.query}")
        headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
        fault = self.note(request.method, path, headers)
        if fault in ("hold", "lost"):
            request.headers[_FAULT] = fault
            return None
        body = request.body or b""
        assert isinstance(body, bytes | str)
        answer = self.answer(request.method, path, {**headers, "Host": url.netloc}, body, fault)
        content = b"" if request.method == "HEAD" else answer.content
        return AWSResponse(request.url, answer.status, HTTPHeaders.from_dict(answer.headers), _Raw(content))

    def breaks(self) -> list[tuple[int, str]]:
        """All ways to break off a run with these calls: before each, and after each that changes the account."""
        return [
            (number, kind)
            for number, request in enumerate(self.requests, start=1)
            for kind in ("before", *(["after"] if is_change(*request) else []))
        ]

    def put(self, name: str, value: str | None) -> str:
        """Create a secret, or give it another version; return the six characters that end its ARN."""
        backend = secretsmanager_backends[ACCOUNT][REGION]
        if name in backend.secrets:
            backend.put_secret_value(name, value or "", "", "", ["AWSCURRENT"])
        else:
            backend.create_secret(name, value, None, None, None, None, None, [], False)
        return backend.secrets[name].arn[-6:]

    def labels(self, name: str) -> dict[str, str]:
        """Label -> value of a secret."""
        versions: dict[str, dict[str, Any]] = secretsmanager_backends[ACCOUNT][REGION].secrets[name].versions
        return {label: version["secret_string"] for version in versions.values() for label in version["version_stages"]}

    def versions(self, name: str) -> dict[str, Any]:
        """A copy of a secret's versions, which can be set again."""
        return deepcopy(secretsmanager_backends[ACCOUNT][REGION].secrets[name].versions)

    def set_versions(self, name: str, versions: dict[str, Any]) -> None:
        secret = secretsmanager_backends[ACCOUNT][REGION].secrets[name]
        assert isinstance(secret, FakeSecret)
        secret.versions = deepcopy(versions)
        secret.default_version_id = next(
            version for version, held in versions.items() if "AWSCURRENT" in held["version_stages"]
        )

    def values(self) -> set[str]:
        """Every value that was ever stored."""
        return {
            version["secret_string"]
            for secret in secretsmanager_backends[ACCOUNT][REGION].secrets.values()
            for version in secret.versions.values()
            if version.get("secret_string")
        }


class Gateway(ThreadingHTTPServer):
    """The server that clients call: it passes each call on to moto, unless a fault is due."""

    daemon_threads = True

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.cloud = cloud


class Call(BaseHTTPRequestHandler):
    """One call of AWS over a connection."""

    server: Gateway
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer: a second small one would wait for an ACK (Nagle, delayed ACK)
    disable_nagle_algorithm = True

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = dict(self.headers)
        noted = headers.pop(_FAULT, None)
        fault = self.server.cloud.note(self.command, self.path, headers) if noted is None else noted
        if fault == "hold":
            self.server.cloud.released.wait()
            return
        answer = self.server.cloud.answer(self.command, self.path, headers, body, fault)
        if fault == "lost":
            self.close_connection = True
        else:
            self._send(answer)

    do_DELETE = do_GET = do_HEAD = do_PUT = do_POST

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        # The answer to HEAD has no content, but gives its length.
        length = answer.headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(answer.content))
        for name, value in {**answer.headers, "Content-Length": length}.items():
            if name not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.content)
        self.wfile.flush()


def _spare_work() -> None:
    """Make moto do once what it repeats at each call: list its own folders and methods, look up the service of a host,
    and create key material, which isn't used here. It also loads no machine images, of which there are hundreds.

    Its log of calls is off, since the gate records them.
    """
    modules = tuple(moto.backends.list_of_moto_modules())
    vars(moto.backends)["list_of_moto_modules"] = lambda: modules
    vars(responses)["method_names_from_class"] = cache(vars(responses)["method_names_from_class"])
    vars(kms)["generate_private_key"] = cache(vars(kms)["generate_private_key"])
    vars(moto.settings)["ec2_load_default_amis"] = lambda: False
    logging.getLogger("werkzeug").setLevel(logging.WARNING)


def start() -> tuple[Cloud, Callable[[], None]]:
    """Start moto and the gate; return the gate's state and a function that stops both."""
    _spare_work()
    cloud = Cloud()
    vars(cloud.moto)["get_backend_for_host"] = cache(cloud.moto.get_backend_for_host)
    gate = Gateway(cloud)
    threading.Thread(target=gate.serve_forever, daemon=True).start()
    cloud.url = f"http://127.0.0.1:{gate.server_address[1]}"

    def stop() -> None:
        cloud.released.set()
        gate.shutdown()
        gate.server_close()

    return cloud, stop
