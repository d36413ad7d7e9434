"""Whether Cloudflare's cache rules leave a host's answers alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from policies.rulebook import Resource

CACHE_PHASE: Final = "http_request_cache_settings"

_IS: Final = re.compile(r'http\.host eq "(?P<host>[^"\\]+)"')
_IN: Final = re.compile(r'http\.host in \{(?P<hosts>(?:\s*"[^"\\]+")+\s*)\}')


def hosts_of(expression: str) -> frozenset[str] | None:
    """Return the hosts that an expression matches, all requests of them; None where it can't be told.

    >>> hosts_of('(http.host in {"a.b" "c.d"}) or http.host eq "e.f"') == {"a.b", "c.d", "e.f"}
    True
    >>> hosts_of('http.host eq "a.b" and http.request.uri.path eq "/x"')
    """
    found: set[str] = set()
    for part in re.split(r"\s+or\s+", expression.strip()):
        term = part.strip().removeprefix("(").removesuffix(")").strip()
        if one := _IS.fullmatch(term):
            found.add(one["host"].lower())
        elif some := _IN.fullmatch(term):
            found.update(host.lower() for host in re.findall(r'"([^"]+)"', some["hosts"]))
        else:
            return None
    return frozenset(found)


def bypassed(rulesets: Sequence[Resource], host: str) -> bool:
    """Tell whether the last cache rule that may match a host bypasses the cache, and matches it for certain.

    Of several rules that match, each overrides the ones before it:
    https://developers.cloudflare.com/cache/how-to/cache-rules/order/

    Raises:
        Unjudgeable: a rule is unknown or malformed.
    """
    bypass = False
    for ruleset in rulesets:
        for index, _ in enumerate(ruleset.items("rules")):
            path = f"rules.{index}"
            if not ruleset.flag(f"{path}.enabled", True):
                continue
            matched = hosts_of(ruleset.text(f"{path}.expression"))
            if matched is not None and host.lower() not in matched:
                continue
            sets_cache = ruleset.text(f"{path}.action") == "set_cache_settings"
            off = sets_cache and ruleset.get(f"{path}.actionParameters.cache") is False
            # A rule that may match or not can undo a bypass, but makes none.
            bypass = off and (bypass or matched is not None)
    return bypass
