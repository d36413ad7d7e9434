"""Reads what a request to AWS's API asks for, with botocore's own description of each service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

import botocore.session

SERVICES: Final = (
    "acm cloudfront cloudwatch ec2 ecs elbv2 iam lambda logs rds s3 secretsmanager servicediscovery sqs ssm sts wafv2"
).split()
"""The services that the stack uses, by botocore's names."""

_SIGNED: Final = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
"""Service that a request is signed for -> botocore's name, where these differ."""
_SCOPE: Final = re.compile(r"Credential=[^/]*/\d+/([^/]+)/([^/]+)/aws4_request")
_LISTED_TAG: Final = re.compile(r"(?:Tags\.(?:member|Tag)\.\d+|TagSpecification\.\d+\.Tag\.\d+)\.(Key|Value)")


@dataclass(frozen=True)
class ApiCall:
    """One request: the operation of a service in a region, with its parameters.

    `parameters` have the shape of the protocol: nested for JSON, flat (`RuleArns.member.1`) for forms, and for REST
    those of the path and the query. They may hold secret values, so code takes out only the parameters that it needs.
    """

    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any]
    tags: Mapping[str, str]
    """Tags that the request sets."""
    document: ElementTree.Element | None = None
    """The body of a REST request, as XML."""

    def values(self, name: str) -> list[str]:
        """Return the values of a parameter as texts: one, those of a list, or none."""
        given = self.parameters.get(name)
        if isinstance(given, str):
            return [given]
        if isinstance(given, list):
            return [item for item in given if isinstance(item, str)]
        listed = re.compile(rf"{name}\.member\.\d+")
        return [value for key, value in self.parameters.items() if listed.fullmatch(key)]


def recognize(environ: Mapping[str, Any], body: bytes) -> ApiCall:
    """Return what a request (a WSGI environment and its body) asks for.

    Raises:
        LookupError: the request isn't signed, or it isn't for an operation of these services.
    """
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        raise LookupError("a request that isn't signed")
    region, signed = scope.groups()
    service = _SIGNED.get(signed, signed)
    if service not in SERVICES:
        raise LookupError(f"a service that isn't known: {service}")
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        parameters = json.loads(body)
        return ApiCall(service, target.rpartition(".")[2], region, parameters, _json_tags(parameters))
    if service in ("cloudfront", "s3"):
        operation, parameters = _rest(service, environ)
        tree = ElementTree.fromstring(body) if body.startswith(b"<") else ElementTree.Element("none")
        if acl := tree.findtext(".//{*}WebACLId"):
            parameters["WebACLId"] = acl
        return ApiCall(service, operation, region, parameters, _xml_tags(tree), tree)
    if service == "lambda":
        operation, parameters = _rest(service, environ)
        document: dict[str, Any] = json.loads(body or b"{}")
        return ApiCall(service, operation, region, {**document, **parameters}, _json_tags(document))
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    return ApiCall(service, form.pop("Action"), region, form, _form_tags(form))


def _json_tags(parameters: Mapping[str, Any]) -> dict[str, str]:
    given = parameters.get("Tags") or parameters.get("tags") or {}
    if not isinstance(given, list):
        return dict(given)
    small = ({name.lower(): text for name, text in tag.items()} for tag in given)  # as ECS has them
    return {tag["key"]: tag["value"] for tag in small}


def _form_tags(form: Mapping[str, str]) -> dict[str, str]:
    keys = {name: value for name, value in form.items() if (found := _LISTED_TAG.fullmatch(name)) and found[1] == "Key"}
    return {key: form.get(name.removesuffix("Key") + "Value", "") for name, key in keys.items()}


def _xml_tags(tree: ElementTree.Element) -> dict[str, str]:
    return {tag.findtext("{*}Key", ""): tag.findtext("{*}Value", "") for tag in tree.iter() if tag.tag.endswith("}Tag")}


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], frozenset[tuple[str, str]], str]]:
    """Return method, path, required query parameters and operation of each route.

    Routes that require most come first.
    """
    model = botocore.session.get_session().get_service_model(service)
    routes = []
    for operation in model.operation_names:
        described = model.operation_model(operation)
        if described.deprecated:
            continue
        http = described.http
        path, _, query = http["requestUri"].partition("?")
        pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", _named_group, re.escape(path))
        needed = frozenset(parse_qsl(query, keep_blank_values=True))
        routes.append((http["method"], re.compile(pattern), needed, operation))
    return sorted(routes, key=lambda route: -len(route[2]))


def _named_group(name: re.Match[str]) -> str:
    return f"(?P<{name[1]}>{'.+' if name[2] else '[^/]+'})"


def _rest(service: str, environ: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    path = environ["PATH_INFO"].rstrip("/") or "/"
    for method, pattern, needed, operation in _routes(service):
        found = pattern.fullmatch(path)
        if found and method == environ["REQUEST_METHOD"] and needed <= query.items():
            return operation, {**query, **{name: unquote(value) for name, value in found.groupdict().items()}}
    raise LookupError(f"no operation of {service}: {environ['REQUEST_METHOD']} {path}")


def names(call: ApiCall, pattern: str) -> Iterator[str]:
    """Yield the values of a form's parameters whose names match a pattern."""
    return (value for key, value in call.parameters.items() if re.fullmatch(pattern, key) and isinstance(value, str))
