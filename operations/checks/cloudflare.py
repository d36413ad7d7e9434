"""Checks the Cloudflare zone and its records, with the token that a deploy uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx

from operations.checks.stored_values import MADE_LATER
from operations.checks.zone_rules import check_rules
from operations.stack import Stack
from operations.verdicts import Check, Verdict, host_check
from operations.web import UNAVAILABLE, Web, send
from stackfiles.failures import Failure

ZONE: Final = Check("cloudflare/zone", "Cloudflare zone")
CACHE_RULES: Final = Check("cloudflare/cache-rules", "Cloudflare cache rules")

_CACHE_PHASES: Final = ("http_request_cache_settings", "http_response_cache_settings")
"""https://developers.cloudflare.com/ruleset-engine/reference/phases-list/"""

API: Final = "https://api.cloudflare.com/client/v4"
TOKEN: Final = "CLOUDFLARE_API_TOKEN"


def zone_ids(domain: str, token: str, web: Web) -> list[str]:
    """Return the ids of a domain's zones that a token can read.

    Raises:
        Failure: Cloudflare doesn't answer, or doesn't accept the token.
    """
    try:
        with web.client() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            response = send(client, "GET", f"{API}/zones", UNAVAILABLE, params={"name": domain})
            response.raise_for_status()
            return [str(zone["id"]) for zone in response.json()["result"]]
    except httpx.TransportError as error:
        raise Failure(f"no answer from Cloudflare ({type(error).__name__})") from None
    except httpx.HTTPStatusError as error:
        raise Failure(f"Cloudflare answers {error.response.status_code}: check {TOKEN}") from None
    except (ValueError, KeyError, TypeError):
        raise Failure("Cloudflare's answer can't be read") from None


def check_zone(stack: Stack, web: Web) -> list[Verdict]:
    """Check that the zone is the stack's and active, and that its records lead where they should."""
    token = os.environ.get(TOKEN)
    if not token:
        return [ZONE.undecided(f"not checked: {TOKEN} isn't set")]
    zone = f"{API}/zones/{stack.settings.cloudflare_zone_id}"
    try:
        with web.client() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            response = send(client, "GET", zone, UNAVAILABLE)
            if response.status_code != HTTPStatus.OK:
                text = f"Cloudflare answers {response.status_code}: check {TOKEN} and cloudflareZoneId"
                return [ZONE.failed(text)]
            found = response.json()["result"]
            if found["name"] != stack.settings.domain or found["status"] != "active":
                text = f"is {found['name']} and {found['status']}; accepted: {stack.settings.domain} and active"
                return [ZONE.failed(text)]
            return [
                ZONE.passed(f"{found['name']} is active"),
                _check_cache_rules(client, zone),
                *check_rules(client, zone, stack),
                *(
                    _check_record(client, zone, host, proxied=host != stack.origin)
                    for host in (*stack.hosts.values(), stack.origin)
                ),
            ]
    except httpx.TransportError as error:
        return [ZONE.failed(f"no answer from Cloudflare ({type(error).__name__})")]
    except (ValueError, KeyError, TypeError, httpx.HTTPStatusError):
        return [ZONE.failed("Cloudflare's answer can't be read")]


def _check_cache_rules(client: httpx.Client, zone: str) -> Verdict:
    """Look for rules that override the no-cache headers of the answers; other teams may own them."""
    rules = []
    for phase in _CACHE_PHASES:
        response = send(client, "GET", f"{zone}/rulesets/phases/{phase}/entrypoint", UNAVAILABLE)
        if response.status_code == HTTPStatus.FORBIDDEN:
            return CACHE_RULES.undecided(f"not checked: {TOKEN} isn't allowed to read them (Cache Rules Read)")
        # A zone without rules in a phase has no such ruleset.
        if response.status_code != HTTPStatus.NOT_FOUND:
            rules += response.raise_for_status().json()["result"].get("rules", [])
    caching = [rule for rule in rules if rule.get("enabled", True) and not _bypasses(rule)]
    if caching:
        told = ", ".join(f"`{rule.get('description') or rule['expression']}`" for rule in caching)
        return CACHE_RULES.undecided(f"make sure that none of these applies to the stack's hosts: {told}")
    return CACHE_RULES.passed("none overrides the answers' own headers")


def _bypasses(rule: Mapping[str, Any]) -> bool:
    return rule["action"] == "set_cache_settings" and rule.get("action_parameters") == {"cache": False}


def _check_record(client: httpx.Client, zone: str, host: str, *, proxied: bool) -> Verdict:
    check = host_check("record", host, "record")
    records = send(client, "GET", f"{zone}/dns_records", UNAVAILABLE, params={"name": host}).json()["result"]
    if not records:
        return check.undecided(MADE_LATER)
    wanted = f"one CNAME, {'proxied' if proxied else 'not proxied'}"
    if [record["type"] for record in records] != ["CNAME"] or records[0]["proxied"] is not proxied:
        return check.failed(f"accepted: {wanted}")
    return check.passed(wanted)
