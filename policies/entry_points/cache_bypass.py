"""Whether Cloudflare's cache rules bypass the cache for a host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from policies.rulebook import Resource

CACHE_PHASE: Final = "http_request_cache_settings"

_ONE_HOST: Final = re.compile(r'http\.host eq "(?P<host>[^"\\]+)"')
_HOSTS: Final = re.compile(r'http\.host in \{(?P<hosts>(?:\s*"[^"\\]+")+\s*)\}')


def matched_hosts(expression: str) -> frozenset[str] | None:
    """Return the hosts whose requests an expression matches, all of them; None where it can't be told.

    >>> matched_hosts('(http.host in {"a.b" "c.d"}) or http.host eq "e.f"') == {"a.b", "c.d", "e.f"}
    True
    >>> matched_hosts('http.host eq "a.b" and http.request.uri.path eq "/x"')
    """
    found: set[str] = set()
    for part in re.split(r"\s+or\s+", expression.strip()):
        term = part.strip().removeprefix("(").removesuffix(")").strip()
        if one := _ONE_HOST.fullmatch(term):
            found.add(one["host"].lower())
        elif several := _HOSTS.fullmatch(term):
            found.update(host.lower() for host in re.findall(r'"([^"]+)"', several["hosts"]))
        else:
            return None
    return frozenset(found)


def bypassed(rulesets: Iterable[Resource], host: str) -> bool:
    """Tell whether the last cache rule that may match a host bypasses the cache, and matches it for certain.

    Where several rules match, each overrides the ones before it:
    https://developers.cloudflare.com/cache/how-to/cache-rules/order/

    Raises:
        Unjudgeable: a rule is unknown or malformed.
    """
    bypass = False
    for ruleset in rulesets:
        for rule in ruleset.parts("rules"):
            if not rule.flag("enabled", default=True):
                continue
            matched = matched_hosts(rule.text("expression"))
            if matched is not None and host.lower() not in matched:
                continue
            off = rule.text("action") == "set_cache_settings" and rule.get("actionParameters.cache") is False
            # A rule that may match or not can undo a bypass, but makes none.
            bypass = off and (bypass or matched is not None)
    return bypass
