"""Checks what a Cloudflare zone does to requests for the stack's hosts: redirects, rewrites, Workers, page rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final

import httpx

from operations.stack import Stack
from operations.verdicts import Check, Verdict, host_check
from operations.web import UNAVAILABLE, send

RULES: Final = Check("cloudflare/rules", "Cloudflare redirects and rewrites")
WORKERS: Final = Check("cloudflare/workers", "Cloudflare Workers")
PAGE_RULES: Final = Check("cloudflare/page-rules", "Cloudflare page rules")

_PHASES: Final = (
    *("http_request_dynamic_redirect", "http_request_transform", "http_request_late_transform"),
    *("http_response_headers_transform", "http_request_origin", "http_config_settings", "http_custom_errors"),
    "http_request_snippets",
)
"""Phases whose rules can redirect a request, or change it or its answer
(https://developers.cloudflare.com/ruleset-engine/reference/phases-list/)."""

_OTHER_HOST: Final = re.compile(r'\(?\s*http\.host\s+eq\s+"([^"]+)"\s*\)?')
"""Matches an expression that only tests for one host."""
_DELEGATED: Final = ".dcv.cloudflare.com"
"""The target of records with which Cloudflare validates its own certificates
(https://developers.cloudflare.com/ssl/edge-certificates/changing-dcv-method/methods/delegated-dcv/)."""


def check_rules(client: httpx.Client, zone: str, stack: Stack) -> list[Verdict]:
    """Look for rules, Workers, page rules and records that touch the stack's hosts.

    Raises:
        httpx.HTTPError: no answer, or an unexpected status.
    """
    hosts = [*stack.hosts.values(), stack.origin]
    routes, pages = _get(client, f"{zone}/workers/routes"), _get(client, f"{zone}/pagerules", status="active")
    return [
        _check_rulesets(client, zone, hosts),
        _check_patterns(WORKERS, routes, _route_patterns, hosts, "Workers Routes Read"),
        _check_patterns(PAGE_RULES, pages, _page_patterns, hosts, "Page Rules Read"),
        *(_check_validation(client, zone, host) for host in hosts),
    ]


def _get(client: httpx.Client, url: str, **given: str) -> list[Any] | None:
    """Return a list, empty if it doesn't exist; None if the token isn't allowed to read it."""
    response = send(client, "GET", url, UNAVAILABLE, params=given)
    if response.status_code == HTTPStatus.FORBIDDEN:
        return None
    if response.status_code == HTTPStatus.NOT_FOUND:
        return []
    result = response.raise_for_status().json()["result"]
    found: list[Any] = result.get("rules", []) if isinstance(result, dict) else result
    return found


def _unread(check: Check, permission: str) -> Verdict:
    return check.undecided(f"not checked, because the token isn't allowed to read them ({permission})")


def _check_rulesets(client: httpx.Client, zone: str, hosts: Sequence[str]) -> Verdict:
    touching: list[str] = []
    unclear: list[str] = []
    for phase in _PHASES:
        rules = _get(client, f"{zone}/rulesets/phases/{phase}/entrypoint")
        if rules is None:
            return _unread(RULES, f"for the phase {phase}")
        for rule in rules:
            told = f"`{rule.get('description') or rule['expression']}` ({phase})"
            if not rule.get("enabled", True):
                continue
            other = _OTHER_HOST.fullmatch(rule["expression"])
            if other and other[1] not in hosts:
                continue
            named = any(host in rule["expression"] for host in hosts)
            (touching if named else unclear).append(told)
    if touching:
        told = ", ".join(touching)
        return RULES.failed(f"applies to the stack's hosts, but isn't part of the stack: {told}; remove it")
    if unclear:
        return RULES.undecided(f"make sure that none of these applies to the stack's hosts: {', '.join(unclear)}")
    return RULES.passed("none in the zone; account-wide rules (bulk redirects) aren't checked")


def _route_patterns(routes: Iterable[Any]) -> Iterator[str]:
    """Yield the patterns of routes that lead to a Worker; a route without a script doesn't affect requests."""
    return (route["pattern"] for route in routes if route.get("script"))


def _page_patterns(rules: Iterable[Any]) -> Iterator[str]:
    return (target["constraint"]["value"] for rule in rules for target in rule["targets"])


def _check_patterns(
    check: Check,
    found: Sequence[Any] | None,
    patterns: Callable[[Iterable[Any]], Iterator[str]],
    hosts: Sequence[str],
    permission: str,
) -> Verdict:
    if found is None:
        return _unread(check, permission)
    touching = [pattern for pattern in patterns(found) if any(_covers(pattern, host) for host in hosts)]
    if touching:
        told = ", ".join(f"`{pattern}`" for pattern in touching)
        return check.failed(f"applies to the stack's hosts, but isn't part of the stack: {told}; remove it")
    return check.passed("none applies to the stack's hosts")


def _covers(pattern: str, host: str) -> bool:
    """Return whether a pattern (`*example.com/*`) covers requests for a host."""
    return fnmatchcase(host, pattern.rpartition("://")[2].partition("/")[0])


def _check_validation(client: httpx.Client, zone: str, host: str) -> Verdict:
    """Look for a record that lets somebody else get a certificate for a host."""
    check = host_check("validation", host, "certificate validation")
    name = f"_acme-challenge.{host}"
    records = _get(client, f"{zone}/dns_records", name=name)
    if records is None:
        return _unread(check, "DNS Read")
    others = [record["content"] for record in records if not record["content"].endswith(_DELEGATED)]
    if others:
        return check.failed(f"anyone who controls {', '.join(others)} can get a certificate: remove the record {name}")
    return check.passed("nobody else can validate it")
