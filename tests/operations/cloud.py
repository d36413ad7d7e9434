"""AWS on loopback: moto's server, and a gate in front of it that can refuse, drop, throttle or hold single calls."""

from __future__ import annotations

import http.client
import json
import logging
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

import moto.backends
from moto.kms import models as kms
from moto.secretsmanager.models import FakeSecret, secretsmanager_backends
from moto.server import ThreadedMotoServer

ACCOUNT = "123456789012"
REGION = "eu-central-1"
JSON = {"Content-Type": "application/x-amz-json-1.1"}
_OF_THE_CONNECTION = ("Connection", "Date", "Server", "Transfer-Encoding")
"""Headers that the gate sets by itself."""

Fault = Callable[[int, str], str]
"""(number of the call from 1, operation) -> "" to let it through, "before" or "after" to fail it before or after
it takes effect, "lost" to let it through and drop the answer, "hold" to answer too late, "forbidden" to answer 403 as
S3 does to a HEAD, without a word, or an AWS error code. The operation is its name, or the path where it has none."""


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


@dataclass
class Cloud:
    """The gate's state: where it is, which operations were called (and with which method), and what goes wrong."""

    url: str = ""
    fault: Fault = no_fault
    calls: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    written: int = 0
    """How many calls took effect that change the account. Runs that broke off after equally many left it alike."""
    released: threading.Event = field(default_factory=threading.Event)

    def reset(self) -> None:
        self.fault, self.calls, self.requests, self.written = no_fault, [], [], 0

    def empty(self) -> None:
        """Take away all that the account has, and forget the calls."""
        urlopen(Request(f"{self.url}/moto-api/reset", method="POST")).close()
        self.reset()

    def breaks(self) -> list[tuple[int, str]]:
        """Every way to break off a run with these calls: before each, and after each that changes the account."""
        return [
            (number, kind)
            for number, request in enumerate(self.requests, start=1)
            for kind in ("before", *(["after"] if is_change(*request) else []))
        ]

    def put(self, name: str, value: str | None) -> str:
        """Make a secret, or give it another version; return the six characters that end its ARN."""
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
        """A copy of a secret's versions, to be set again."""
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
    """What clients call: it passes each call on to moto, unless something is to go wrong with it."""

    daemon_threads = True

    def __init__(self, cloud: Cloud, moto: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.cloud, self.moto = cloud, moto


class Call(BaseHTTPRequestHandler):
    """One call of AWS."""

    server: Gateway
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer: two small ones would wait for each other (Nagle, delayed ACK)
    disable_nagle_algorithm = True

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        cloud, target = self.server.cloud, self.headers.get("X-Amz-Target", "")
        operation = target.rpartition(".")[2] or self.path
        cloud.calls.append(operation)
        cloud.requests.append((self.command, operation))
        fault = cloud.fault(len(cloud.calls), operation)
        if fault == "hold":
            cloud.released.wait()
        elif fault == "forbidden":
            self._send(403, b"", {})
        elif fault and fault not in ("after", "lost"):
            self._refuse(fault)
        else:
            cloud.written += is_change(self.command, operation)
            self._pass_on(body, fault)

    do_DELETE = do_GET = do_HEAD = do_PUT = do_POST

    def _pass_on(self, body: bytes, fault: str) -> None:
        connection = http.client.HTTPConnection(*self.server.moto)
        connection.request(self.command, self.path, body or None, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        if fault == "after":
            self._refuse(fault)
        elif fault == "lost":
            self.close_connection = True
        else:
            self._send(answer.status, content, dict(answer.getheaders()))
        connection.close()

    def _refuse(self, fault: str) -> None:
        code = "BrokenOff" if fault in ("before", "after") else fault
        if self.headers.get("X-Amz-Target"):
            self._send(400, json.dumps({"__type": code, "message": "refused"}).encode(), JSON)
        else:
            text = f"<ErrorResponse><Error><Code>{code}</Code><Message>refused</Message></Error></ErrorResponse>"
            self._send(400, text.encode(), {"Content-Type": "text/xml"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        # To HEAD there is no content, but its length.
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        for name, value in {**headers, "Content-Length": length}.items():
            if name not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()


def _spare_work() -> None:
    """Have moto do once what it does at each call: list its own folders, and make key material, which isn't used here.

    It says nothing of the calls either: the gate notes them.
    """
    modules = tuple(moto.backends.list_of_moto_modules())
    vars(moto.backends)["list_of_moto_modules"] = lambda: modules
    vars(kms)["generate_private_key"] = cache(vars(kms)["generate_private_key"])
    logging.getLogger("werkzeug").setLevel(logging.WARNING)


def start() -> tuple[Cloud, Callable[[], None]]:
    """Start moto and the gate; return the gate's state and how to stop both."""
    _spare_work()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    cloud = Cloud()
    gate = Gateway(cloud, server.get_host_and_port())
    threading.Thread(target=gate.serve_forever, daemon=True).start()
    cloud.url = f"http://127.0.0.1:{gate.server_address[1]}"

    def stop() -> None:
        cloud.released.set()
        gate.shutdown()
        gate.server_close()
        server.stop()

    return cloud, stop
