"""Cloudflare: proxied records, TLS everywhere, no caching and no detours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.entry_points.kinds import RECORD, RULESET, ZONE_SETTING
from policies.rulebook import UNKNOWN, Finding, Judgement, Resource, Rules, Severity

RULES: Final = Rules()

_DOCS: Final = "https://developers.cloudflare.com/"

_SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "ssl": ("strict",),
    "min_tls_version": ("1.2", "1.3"),
    "tls_1_3": ("on",),
    "always_use_https": ("on",),
    "websockets": ("on",),
    # Always Online serves everybody copies of pages from the Internet Archive.
    "always_online": ("off",),
}
"""Zone setting -> accepted values. Other settings don't affect the entry point."""

_CACHE_PHASES: Final = ("http_request_cache_settings", "http_response_cache_settings")
"""https://developers.cloudflare.com/ruleset-engine/reference/phases-list/"""


@RULES.resource(
    "proxied-ttl",
    title="Proxied records have Cloudflare's automatic TTL.",
    remedy="Set `ttl` to 1.",
    source=_DOCS + "dns/manage-dns-records/reference/ttl/",
    severity=Severity.LOW,
    types=RECORD,
)
def _ttl(record: Resource, _: Judgement) -> Iterator[Finding]:
    if record.flag("proxied", default=False) and record.number("ttl") != 1:
        yield Finding("`ttl` isn't 1 (automatic), the only value that Cloudflare accepts for a proxied record.")


@RULES.resource(
    "proxied-validation-record",
    title="Records that validate a certificate aren't proxied.",
    remedy="Set `proxied` to false. A record whose name isn't known at preview counts as a validation record.",
    source="https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html",
    severity=Severity.MEDIUM,
    types=RECORD,
)
def _proxied_validation(record: Resource, _: Judgement) -> Iterator[Finding]:
    if _validates_certificate(record) and record.flag("proxied", default=False):
        yield Finding("It is proxied, so ACM never sees its value.")


def _validates_certificate(record: Resource) -> bool:
    """Tell whether a record validates a certificate. ACM chooses the names of such records; other names are known."""
    if record.get("name") is UNKNOWN:
        return True
    content = record.get("content", record.get("value"))
    return record.text("name").startswith("_") or (isinstance(content, str) and "acm-validations.aws" in content)


@RULES.resource(
    "weak-zone-setting",
    title="Zone settings don't weaken the entry point.",
    remedy="Set the value that the finding names: weaker settings cause redirect loops or let others read the traffic.",
    source=_DOCS + "ssl/origin-configuration/ssl-modes/full-strict/",
    severity=Severity.HIGH,
    types=ZONE_SETTING,
)
def _weak_setting(setting: Resource, _: Judgement) -> Iterator[Finding]:
    name = setting.text("settingId")
    if name in _SETTINGS and setting.text("value") not in _SETTINGS[name]:
        yield Finding(f"`value` of `{name}` isn't {' or '.join(f'`{value}`' for value in _SETTINGS[name])}.")


@RULES.resource(
    "cache-rule",
    title="The zone's cache rules only bypass the cache.",
    remedy="Remove the rule, or set nothing but `cache` to false: a cache rule overrides the responses' own headers.",
    source=_DOCS + "cache/how-to/cache-rules/settings/",
    severity=Severity.CRITICAL,
    types=RULESET,
)
def _cache_rule(ruleset: Resource, _: Judgement) -> Iterator[Finding]:
    if ruleset.text("phase") not in _CACHE_PHASES:
        return
    for rule in ruleset.parts("rules"):
        settings = rule.mapping("actionParameters")
        bypasses = set(settings) == {"cache"} and settings["cache"] is False
        if rule.text("action") != "set_cache_settings" or not bypasses:
            yield Finding(f"`{rule.path}` does more than bypass the cache.")


@RULES.resource(
    "detour",
    title="No rule of the zone weakens TLS or routes requests around the distributions.",
    remedy="Remove the rule, or keep it in the stack that owns the rest of the zone, away from these hosts.",
    source=_DOCS + "rules/origin-rules/",
    severity=Severity.HIGH,
    types=RULESET,
)
def _detour(ruleset: Resource, _: Judgement) -> Iterator[Finding]:
    for rule in ruleset.parts("rules"):
        if rule.text_or_none("actionParameters.ssl") not in (None, "strict"):
            yield Finding(f"`{rule.place('actionParameters.ssl')}` isn't `strict`.")
        if ruleset.text("phase") == "http_request_origin":
            yield Finding(f"`{rule.path}` can send requests to another origin than the record's.")
