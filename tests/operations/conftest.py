"""Runs the commands against AWS, Kinde and the entry points, all on loopback and over real connections.

AWS calls that need no fault are answered in the process (tests/operations/cloud.py).
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import os
import re
import ssl
import threading
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partialmethod
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import httpx
import moto.core.utils
import pytest
import trustme
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from operations.__main__ import main
from stackfiles import yaml_file
from tests.operations import cloud as aws_double
from tests.operations import edge_double, kinde_double
from tests.operations.cloud import Cloud
from tests.operations.edge_double import DISTRIBUTIONS, HOSTS, ORIGIN, EdgeDouble
from tests.operations.kinde_double import CLIENT_ID, DOMAIN, EMAIL, KindeDouble
from tests.owner import owned

KINDE_SECRET = "prod/kinde/client-secret"
CLIENT_SECRET = "CanaryClientSecretBefore0123456789"
PASSWORD = "CanaryPasswordOfTheTestUser"
BY_HAND = {
    "prod/github/pat/blog_data_ci": "ghp_CanaryTokenOfGithub0123456789abcdef",
    "prod/circleci/pat/backstage": "CCIPAT_CanaryTokenOfCircleci0123456789",
    "prod/prefect/api-auth": "admin:CanaryPrefectPassword",
    KINDE_SECRET: CLIENT_SECRET,
    "blog-data/neo4j/credentials": json.dumps(
        {"NEO4J_URI": "neo4j+s://canary.example.com", "NEO4J_USERNAME": "neo4j", "NEO4J_PASSWORD": "CanaryNeo4j"}
    ),
    "blog-data/cloudinary/credentials": json.dumps(
        {"cloud_name": "canary-cloud", "api_key": "CanaryKey", "api_secret": "CanarySecret"}
    ),
}
CONTAINERS = (
    "prod/db/admin",
    "prod/backstage/db",
    "prod/backstage/database-url",
    "prod/backstage/session-secret",
    "prod/prefect/database-url",
)

WITHOUT_WEB = ("bootstrap", "examples", "fill-secrets")
"""Commands that talk only to AWS, or to nothing."""

# Reading the models of AWS's services takes most of a short command's time: boto3 and moto share a cache of them.
_LOADER = botocore.loaders.create_loader()
for reader in (botocore.session, moto.core.utils):
    vars(reader)["create_loader"] = lambda *_: _LOADER

_CLIENTS: dict[str, Any] = {}
_SESSIONS: dict[str, boto3.Session] = {}
_DOCUMENTS: dict[str, dict[str, Any]] = {}
_READ = yaml_file.read
_MAKE_KEY = cache(rsa.generate_private_key)
_MAKE_SESSION = boto3.Session
_CREATE_CLIENT = botocore.session.Session.create_client


def kept_client(session: botocore.session.Session, cloud: Cloud, service: str, **options: Any) -> Any:  # noqa: ANN401
    """Return the client of another run in the same environment, or create one.

    Creating clients takes much of a short command's time.
    """
    given = {name: getattr(value, "_user_provided_options", value) for name, value in options.items()}
    key = repr((service, sorted(given.items()), _variables()))
    if key not in _CLIENTS:
        _CLIENTS[key] = _CREATE_CLIENT(session, service, **options)
        _CLIENTS[key].meta.events.register("before-send", cloud.answer_here)
    return _CLIENTS[key]


def kept_session() -> boto3.Session:
    """Return the session of another run in the same environment, or create one."""
    key = repr(_variables())
    if key not in _SESSIONS:
        _SESSIONS[key] = _MAKE_SESSION()
    return _SESSIONS[key]


def kept_document(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file, which is parsed once for each text."""
    text = path.read_text() if path.is_file() else ""
    if text not in _DOCUMENTS:
        _DOCUMENTS[text] = _READ(path)
    return deepcopy(_DOCUMENTS[text])


def _variables() -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in os.environ.items() if name.startswith(("AWS_", "SSL_")))


class Terminal(io.StringIO):
    """A file that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Outcome:
    """What a user sees of one run."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """The whole output, without the line breaks of a narrow screen."""
        return " ".join((self.out + self.err).split())

    def check(self, subject: str) -> dict[str, str]:
        """One check of `--json`, by its subject."""
        return next(item for item in json.loads(self.out)["checks"] if item["subject"] == subject)

    def find(self, key: str) -> dict[str, str]:
        """One check of `--json`, by its key."""
        return next(item for item in json.loads(self.out)["checks"] if item["key"] == key)

    @property
    def failures(self) -> list[str]:
        """The subjects of the failed checks in `--json`."""
        return [item["subject"] for item in json.loads(self.out)["checks"] if item["outcome"] == "failed"]


@dataclass(frozen=True)
class Servers:
    """The servers on loopback, for the whole session."""

    cloud: Cloud
    kinde: KindeDouble
    edge: EdgeDouble
    routes: tuple[str, ...]
    expired_port: int
    authority: Path
    key_digest: str
    """Base64 SHA-256 of the key that every server presents."""


class _Quiet(WSGIRequestHandler):
    disable_nagle_algorithm = True

    def log(self, *arguments: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("authority")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    names = (*HOSTS, ORIGIN, *DISTRIBUTIONS.values(), DOMAIN, "api.cloudflare.com", "circleci.com")
    valid = authority.issue_cert(*names)
    past = datetime.now(UTC) - timedelta(days=1)
    expired = authority.issue_cert(*names, not_before=past - timedelta(days=90), not_after=past)
    trust = ssl.create_default_context(cafile=str(folder / "authority.pem"))

    running: list[BaseWSGIServer] = []

    def serve(app: Flask, certificate: trustme.LeafCert = valid) -> int:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=context, request_handler=_Quiet)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        running.append(server)
        return server.port

    kinde, edge = KindeDouble(), EdgeDouble()
    kinde_port = serve(kinde_double.application(kinde))

    def exchange(secret: str, code: str, callback: str) -> str:
        with httpx.Client(verify=trust) as client:
            answer = client.post(
                f"https://127.0.0.1:{kinde_port}/oauth2/token",
                data={"client_id": CLIENT_ID, "code": code, "redirect_uri": callback, "client_secret": secret},
                extensions={"sni_hostname": DOMAIN},
            )
        return str(answer.json().get("error", ""))

    front = serve(edge_double.application(edge, exchange))
    distribution = serve(edge_double.application(edge, exchange, closed_but_for="any viewer"))
    balancer = serve(edge_double.application(edge, exchange, closed_but_for="header not asked for"))
    expired_port = serve(edge_double.application(edge, exchange), expired)
    ports = {
        DOMAIN: kinde_port,
        "api.cloudflare.com": kinde_port,
        "circleci.com": kinde_port,
        ORIGIN: balancer,
        **dict.fromkeys(DISTRIBUTIONS.values(), distribution),
        **dict.fromkeys(HOSTS, front),
    }
    key = x509.load_pem_x509_certificate(valid.cert_chain_pems[0].bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    cloud, stop = aws_double.start()
    yield Servers(
        cloud,
        kinde,
        edge,
        tuple(f"{name}:443:127.0.0.1:{port}" for name, port in ports.items()),
        expired_port,
        folder / "authority.pem",
        base64.b64encode(digest).decode(),
    )
    for server in running:
        server.shutdown()
    stop()


@dataclass(frozen=True)
class Bench:
    """A stack whose account, Kinde business and entry points are in order, and the commands to run on it."""

    servers: Servers
    project: Path
    capture: pytest.CaptureFixture[str]
    log: pytest.LogCaptureFixture
    patch: pytest.MonkeyPatch

    @property
    def cloud(self) -> Cloud:
        return self.servers.cloud

    @property
    def kinde(self) -> KindeDouble:
        return self.servers.kinde

    @property
    def edge(self) -> EdgeDouble:
        return self.servers.edge

    def start_over(self) -> None:
        """Reset everything to the state before a first apply, with containers for the program's secrets."""
        self.cloud.empty()
        for name in CONTAINERS:
            self.cloud.put(name, None)
        suffixes = {name: self.cloud.put(name, value) for name, value in BY_HAND.items()}
        self.cloud.reset()
        self.kinde.reset(CLIENT_SECRET, PASSWORD, {f"https://{host}/oauth2/idpresponse" for host in HOSTS})
        self.edge.reset(CLIENT_SECRET)
        self.configure(kindeClientSecret=f"{KINDE_SECRET}-{suffixes[KINDE_SECRET]}")

    def fill(self) -> None:
        """Fill everything that the program creates, so that no check complains."""
        assert self.run("fill-secrets", "--database-endpoint", "db.example.com").code == 0

    def configure(self, **changes: object) -> None:
        """Change keys of the stack's file: `aws__region`, or a key of the project."""
        file = self.project / "Pulumi.prod.yaml"
        document = yaml.safe_load(file.read_text())
        for key, value in changes.items():
            document["config"][key.replace("__", ":")] = value
        file.write_text(yaml.safe_dump(document))

    def set_state(self, *resources: dict[str, str]) -> None:
        """Make the Pulumi CLI export a state with these resources; before that, it has no state to export."""
        document = {"version": 3, "deployment": {"resources": resources}}
        (self.project / "cli" / "pulumi.json").write_text(json.dumps(document))

    def run(self, *arguments: str, stdin: str = "", terminal: bool = False) -> Outcome:
        """Run a command; check that it shows no secret value and leaves the environment unchanged."""
        environment = dict(os.environ)
        self.patch.setattr("sys.stdin", Terminal(stdin) if terminal else io.StringIO(stdin))
        self.capture.readouterr()
        self.log.clear()
        web = ["--connect-to=" + route for route in self.servers.routes] if arguments[0] not in WITHOUT_WEB else []
        # Later options override earlier ones.
        code = main([arguments[0], "--project", str(self.project), *web, *arguments[1:]])
        assert dict(os.environ) == environment
        printed = self.capture.readouterr()
        known = {*self.cloud.values(), stdin.strip(), PASSWORD, os.environ.get("SIGN_IN_PASSWORD", "")}
        parts = {part for value in known for part in re.findall(r"\w{20,}|Canary\w+", value)}
        told = printed.out + printed.err + self.log.text
        for value in parts | {value for value in known if value.strip()}:
            assert value not in told
        return Outcome(code, printed.out, printed.err)


@pytest.fixture
def bench(
    servers: Servers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Bench:
    caplog.set_level(logging.DEBUG)
    for file in ("Pulumi.yaml", "Pulumi.prod.yaml"):
        (tmp_path / file).write_text((owned() / file).read_text())
    for name, value in {
        "AWS_ENDPOINT_URL": servers.cloud.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": aws_double.REGION,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SSL_CERT_FILE": str(servers.authority),
        "SIGN_IN_EMAIL": EMAIL,
        "SIGN_IN_PASSWORD": "",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "CLOUDFLARE_API_TOKEN", "CIRCLE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    cli = tmp_path / "cli" / "pulumi"
    cli.parent.mkdir()
    cli.write_text('#!/bin/sh\nexec cat "$0.json" 2> /dev/null\n')
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", f"{cli.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(botocore.session.Session, "create_client", partialmethod(kept_client, servers.cloud))
    monkeypatch.setattr(boto3, "Session", kept_session)
    monkeypatch.setattr(yaml_file, "read", kept_document)
    monkeypatch.setattr(rsa, "generate_private_key", _MAKE_KEY)
    monkeypatch.setattr("operations.web._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("operations.verdicts._SOON_SECONDS", 60)
    monkeypatch.chdir(tmp_path)
    made = Bench(servers, tmp_path, capsys, caplog, monkeypatch)
    made.start_over()
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use the bench as process tests: preflight there runs the Pulumi CLI to get the state."""
    for item in items:
        if "bench" in getattr(item, "fixturenames", ()):
            item.add_marker("process")
