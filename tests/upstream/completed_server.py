"""Moto's server, completed for the stack. It corrects what moto lacks or gets wrong about CloudFront, ACM, ECS, Lambda:

- CloudFront's response headers policies, kept as the XML that created them;
- a distribution's whole configuration, of which moto forgets some (the headers policy and the TLS version among it);
- the key algorithm of an ACM certificate, which moto always reports as RSA;
- the recursion setting of a Lambda function;
- settings of an ECS service that moto forgets, and deployments of services: one whose image is `MISSING` fails, and
  the service rolls back.
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias
from xml.etree import ElementTree

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., object]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]

_DISTRIBUTIONS: Final = "/2020-05-31/distribution"
_HEADERS_POLICIES: Final = "/2020-05-31/response-headers-policy"
_XMLNS: Final = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
_CERTIFICATES: Final = "CertificateManager."
_SERVICES: Final = "AmazonEC2ContainerServiceV20141113."
_FORGOTTEN: Final = ("availabilityZoneRebalancing", "enableECSManagedTags", "healthCheckGracePeriodSeconds")
"""Settings that moto forgets. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html"""
MISSING: Final = "sha256:" + "0" * 64
"""The digest of an image that can't be pulled."""
_FAILED: Final = ("ROLLBACK_SUCCESSFUL", "ECS deployment circuit breaker: tasks failed to start.")
"""How its deployment ends. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""
_RECURSION: Final = re.compile(r"/2024-08-31/functions/([^/]+)/recursion-config")
"""https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionRecursionConfig.html"""
ElementTree.register_namespace("", _XMLNS)


class CompletedServer:
    """The WSGI application: answers what moto doesn't, corrects what moto gets wrong, and passes the rest on."""

    def __init__(self, moto: Application) -> None:
        self._moto = moto
        self._lock = threading.Lock()
        self._headers_policies: dict[str, tuple[str, str]] = {}
        """Id -> configuration and ETag."""
        self.distributions: dict[str, ElementTree.Element] = {}
        """Id -> configuration."""
        self._key_algorithms: dict[str, str] = {}
        """ARN of a certificate -> the requested algorithm."""
        self._recursion: dict[str, str] = {}
        """Name of a function -> its recursion setting."""
        self._services: dict[str, dict[str, Any]] = {}
        """Name of an ECS service -> the settings that moto forgets."""
        self._deployments: dict[str, list[dict[str, Any]]] = {}
        """Name of an ECS service -> its deployments, oldest first."""
        self._steady: dict[str, str] = {}
        """Name of an ECS service -> the task definition that it can roll back to."""

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path: str = environ["PATH_INFO"]
        if path.startswith(_HEADERS_POLICIES):
            return self._headers_policy(environ, start, path.removeprefix(_HEADERS_POLICIES).strip("/"))
        if path.startswith(_DISTRIBUTIONS):
            id_ = path.removeprefix(_DISTRIBUTIONS).strip("/").partition("/")[0]
            return self._distribution(environ, start, id_)
        if function := _RECURSION.fullmatch(path):
            if environ["REQUEST_METHOD"] == "PUT":
                self._recursion[function[1]] = json.loads(body_of(environ))["RecursiveLoop"]
            text = json.dumps({"RecursiveLoop": self._recursion.get(function[1], "Terminate")})
            return _answer(start, "200 OK", text, type_="application/json")
        operation = environ.get("HTTP_X_AMZ_TARGET", "").removeprefix(_CERTIFICATES).removeprefix(_SERVICES)
        if operation in ("RequestCertificate", "DescribeCertificate"):
            return self._certificate(environ, start, operation)
        if operation in ("CreateService", "UpdateService", "DescribeServices"):
            return self._service(environ, start)
        if operation == "ListServiceDeployments":
            name = json.loads(body_of(environ))["service"].rpartition("/")[2]
            text = json.dumps({"serviceDeployments": self._deployments.get(name, [])})
            return _answer(start, "200 OK", text, type_="application/x-amz-json-1.1")
        return self._moto(environ, start)

    def _headers_policy(self, environ: Environ, start: StartResponse, rest: str) -> Iterable[bytes]:
        method, body = environ["REQUEST_METHOD"], body_of(environ).decode()
        id_ = rest.partition("/")[0]
        with self._lock:
            if method == "GET" and not id_:
                return self._listed_headers_policies(start)
            if method == "POST":
                id_ = str(uuid.uuid4())
            elif id_ not in self._headers_policies:
                error = "<Type>Sender</Type><Code>NoSuchResponseHeadersPolicy</Code><Message>none</Message>"
                text = f'<ErrorResponse xmlns="{_XMLNS}"><Error>{error}</Error></ErrorResponse>'
                return _answer(start, "404 Not Found", text)
            if method == "DELETE":
                del self._headers_policies[id_]
                return _answer(start, "204 No Content", "")
            if method in ("POST", "PUT"):
                inner = re.sub(r"^<\?xml.*?\?>", "", body).strip()
                configuration = re.sub(r'\sxmlns="[^"]*"', "", inner, count=1)
                self._headers_policies[id_] = (configuration, uuid.uuid4().hex[:13].upper())
            configuration, etag = self._headers_policies[id_]
        status = "201 Created" if method == "POST" else "200 OK"
        return _answer(start, status, _headers_policy(id_, configuration), ("ETag", etag))

    def _listed_headers_policies(self, start: StartResponse) -> Iterable[bytes]:
        """List the policies that were created; AWS's own don't exist here."""
        summaries = "".join(
            f"<ResponseHeadersPolicySummary><Type>custom</Type>{_headers_policy(id_, configuration)}"
            "</ResponseHeadersPolicySummary>"
            for id_, (configuration, _) in self._headers_policies.items()
        )
        text = (
            f'<ResponseHeadersPolicyList xmlns="{_XMLNS}"><MaxItems>100</MaxItems>'
            f"<Quantity>{len(self._headers_policies)}</Quantity><Items>{summaries}</Items></ResponseHeadersPolicyList>"
        )
        return _answer(start, "200 OK", text)

    def _distribution(self, environ: Environ, start: StartResponse, id_: str) -> Iterable[bytes]:
        body = body_of(environ)
        status, headers, content = handed_on(self._moto, environ, body)
        if status.startswith("2") and environ["REQUEST_METHOD"] == "DELETE":
            self.distributions.pop(id_, None)
        if status.startswith("2") and content:
            answered = ElementTree.fromstring(content)
            id_ = id_ or answered.findtext("{*}Id", "")
            with self._lock:
                if environ["REQUEST_METHOD"] in ("POST", "PUT"):
                    given = ElementTree.fromstring(body)
                    self.distributions[id_] = _inner(given, "DistributionConfig")
                if id_ in self.distributions:
                    _complete(_inner(answered, "DistributionConfig"), self.distributions[id_])
            content = ElementTree.tostring(answered)
        start(status, [*headers, ("Content-Length", str(len(content)))])
        return [content]

    def _certificate(self, environ: Environ, start: StartResponse, operation: str) -> Iterable[bytes]:
        body = body_of(environ)
        asked = json.loads(body)
        status, headers, content = handed_on(self._moto, environ, body)
        if status.startswith("200"):
            answered = json.loads(content)
            with self._lock:
                if operation == "RequestCertificate":
                    self._key_algorithms[answered["CertificateArn"]] = asked.get("KeyAlgorithm", "RSA_2048")
                elif asked["CertificateArn"] in self._key_algorithms:
                    answered["Certificate"]["KeyAlgorithm"] = self._key_algorithms[asked["CertificateArn"]]
            content = json.dumps(answered).encode()
        start(status, [*headers, ("Content-Length", str(len(content)))])
        return [content]

    def _service(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        body = body_of(environ)
        asked = json.loads(body)
        status, headers, content = handed_on(self._moto, environ, body)
        if status.startswith("200"):
            answered = json.loads(content)
            with self._lock:
                for service in [answered["service"]] if "service" in answered else answered["services"]:
                    kept = self._services.setdefault(service["serviceName"], {})
                    kept.update((name, asked[name]) for name in _FORGOTTEN if name in asked)
                    service.update(kept)
            if "service" in answered:
                self._deploy(environ, answered["service"])
            content = json.dumps(answered).encode()
        start(status, [*headers, ("Content-Length", str(len(content)))])
        return [content]

    def _deploy(self, environ: Environ, service: Mapping[str, Any]) -> None:
        """Record the outcome of a service's new deployment, and roll the service back if its tasks can't start."""

        def ask(operation: str, **given: str) -> Any:  # noqa: ANN401 - as JSON has it
            target = {"HTTP_X_AMZ_TARGET": f"{_SERVICES}{operation}"}
            return json.loads(handed_on(self._moto, {**environ, **target}, json.dumps(given).encode())[2])

        name, arn, revision = (service[key] for key in ("serviceName", "serviceArn", "taskDefinition"))
        defined = ask("DescribeTaskDefinition", taskDefinition=revision)["taskDefinition"]["containerDefinitions"]
        failed = any(container["image"].endswith(MISSING) for container in defined)
        status, reason = _FAILED if failed else ("SUCCESSFUL", "")
        told = {"serviceArn": arn, "status": status, "statusReason": reason, "createdAt": time.time()}
        self._deployments.setdefault(name, []).append(told)
        if failed:
            ask("UpdateService", cluster=service["clusterArn"], service=arn, taskDefinition=self._steady[name])
        else:
            self._steady[name] = revision


def _headers_policy(id_: str, configuration: str) -> str:
    return (
        f'<ResponseHeadersPolicy xmlns="{_XMLNS}"><Id>{id_}</Id>'
        f"<LastModifiedTime>2026-01-01T00:00:00Z</LastModifiedTime>{configuration}</ResponseHeadersPolicy>"
    )


def _answer(
    start: StartResponse, status: str, text: str, *headers: tuple[str, str], type_: str = "text/xml"
) -> list[bytes]:
    content = text.encode()
    start(status, [("Content-Type", type_), ("Content-Length", str(len(content))), *headers])
    return [content]


def _inner(element: ElementTree.Element, name: str) -> ElementTree.Element:
    found = element.find(f"{{*}}{name}")
    return element if found is None else found


_INVENTED: Final[Mapping[str, str | None]] = {"ForwardedValues": None, "CloudFrontDefaultCertificate": "false"}
"""Elements that moto adds to a distribution -> what replaces them, or None to remove them."""


def _complete(answered: ElementTree.Element, given: ElementTree.Element) -> None:
    """Add everything that was given and is missing from an answer, and correct what differs; lists stay as they are."""
    for child in given:
        name = child.tag.rpartition("}")[2]
        there = answered.find(f"{{*}}{name}")
        if there is None:
            answered.append(child)
        elif len(child) and name != "Items":
            _complete(there, child)
        elif not len(child) and not len(there):
            there.text = child.text
    for name, instead in _INVENTED.items():
        there = answered.find(f"{{*}}{name}")
        if there is not None and given.find(f"{{*}}{name}") is None:
            if instead is None:
                answered.remove(there)
            else:
                there.text = instead


def body_of(environ: Environ) -> bytes:
    """Return the body of a request, which can be read only once."""
    chunked = environ.pop("HTTP_TRANSFER_ENCODING", "") == "chunked"
    body: bytes = environ["wsgi.input"].read(*(() if chunked else (int(environ.get("CONTENT_LENGTH") or 0),)))
    return body


def handed_on(server: Application, environ: Environ, body: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    """Return another application's answer: status, headers without the length, and content."""
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
    told: list[Any] = []
    content = b"".join(server(environ, lambda status, headers, _=None: told.extend((status, headers))))
    return told[0], [(name, value) for name, value in told[1] if name.lower() != "content-length"], content
