"""Cloudflare's records and zone settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from policies.acceptance.together.reading import given, number, repeated, text, texts
from policies.rulebook import Resource

_RECORD: Final = "https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/create/"
_TTL: Final = "https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/"
_SETTING: Final = "https://developers.cloudflare.com/api/resources/zones/subresources/settings/methods/edit/"
_PROXIED: Final = ("A", "AAAA", "CNAME")
_ADDRESSES: Final = {"A": 4, "AAAA": 6}

_SWITCH: Final = ("on", "off")
_SETTINGS: Final = {
    "always_online": _SWITCH,
    "always_use_https": _SWITCH,
    "automatic_https_rewrites": _SWITCH,
    "browser_check": _SWITCH,
    "cache_level": ("aggressive", "basic", "simplified"),
    "development_mode": _SWITCH,
    "email_obfuscation": _SWITCH,
    "hotlink_protection": _SWITCH,
    "http3": _SWITCH,
    "ip_geolocation": _SWITCH,
    "ipv6": _SWITCH,
    "min_tls_version": ("1.0", "1.1", "1.2", "1.3"),
    "opportunistic_encryption": _SWITCH,
    "opportunistic_onion": _SWITCH,
    "rocket_loader": _SWITCH,
    "security_level": ("off", "essentially_off", "low", "medium", "high", "under_attack"),
    "server_side_exclude": _SWITCH,
    "ssl": ("off", "flexible", "full", "strict", "origin_pull"),
    "tls_1_3": ("on", "off", "zrt"),
    "websockets": _SWITCH,
}
"""Setting of a zone -> its accepted values."""


def _record(resource: Resource) -> Iterator[str]:
    inputs = resource.properties
    kind, content = text(inputs, "type"), text(inputs, "content")
    if inputs.get("proxied") is True and kind not in (*_PROXIED, None):
        yield f"`proxied` is true for {kind}; only {', '.join(_PROXIED)} records can be proxied ({_RECORD})."
    if inputs.get("proxied") is True and number(inputs, "ttl") not in (1, None):
        yield f"`ttl` is {number(inputs, 'ttl'):g}, but `proxied` is true, which needs 1 (automatic) ({_TTL})."
    if content and kind in _ADDRESSES and not _is_address(content, _ADDRESSES[kind]):
        yield f"`content` isn't an IPv{_ADDRESSES[kind]} address, which the type {kind} needs ({_RECORD})."
    if content and kind == "CNAME" and not re.fullmatch(r"[A-Za-z0-9_*-]+(\.[A-Za-z0-9_-]+)*\.?", content):
        yield f"`content` isn't a host name, which a CNAME needs ({_RECORD})."
    if content and kind == "CNAME" and any(_is_address(content, version) for version in (4, 6)):
        yield f"`content` is an address; a CNAME needs a host name ({_RECORD})."
    if content and kind == "CNAME" and content.rstrip(".") == (text(inputs, "name") or "").rstrip("."):
        yield f"`content` is the record's own name ({_RECORD})."
    if kind == "MX" and number(inputs, "priority") is None and not given(inputs, "priority"):
        yield f"`type` is MX, but there is no `priority` ({_RECORD})."
    for tag in repeated(texts(inputs, "tags")):
        yield f"`tags` has {tag} twice ({_RECORD})."


def _is_address(text_: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text_).version == version
    except ValueError:
        return False


def _setting(resource: Resource) -> Iterator[str]:
    accepted = _SETTINGS.get(text(resource.properties, "settingId") or "")
    value = resource.get("value")
    if accepted and isinstance(value, str | int | float) and value not in accepted:
        yield (
            f"`value` isn't one that {text(resource.properties, 'settingId')} accepts: {', '.join(accepted)} "
            f"({_SETTING})."
        )


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "cloudflare:index/dnsRecord:DnsRecord": (_record,),
    "cloudflare:index/zoneSetting:ZoneSetting": (_setting,),
}
"""Resource type -> its checks."""
