"""What Cloudflare does for the two hosts: proxied records, no caching and, if asked for, the zone's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_cloudflare as cloudflare

AUTOMATIC_TTL: Final = 1
"""The only one that a proxied record takes: https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/"""

ZONE_SETTINGS: Final[Mapping[str, str]] = {
    # Anything weaker than strict loops with CloudFront's redirect, or sends requests to it in clear.
    "ssl": "strict",
    "min_tls_version": "1.2",
    "tls_1_3": "on",
    "always_use_https": "on",
    "websockets": "on",
}
"""https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/"""


@dataclass(frozen=True)
class CloudflareZoneArgs:
    """The zone, host -> distribution's domain name, the origin host and the load balancer's DNS name."""

    zone_id: str
    applications: Mapping[str, pulumi.Input[str]]
    origin: str
    load_balancer: pulumi.Input[str]
    manage_settings: bool


class CloudflareZone(pulumi.ComponentResource):
    """DNS records and cache rules of the entry points.

    By default Cloudflare caches redirects to the sign-in, and files by their extension, and would serve them to
    anybody. So bypassing its cache is part of the guard, not tuning (https://developers.cloudflare.com/cache/concepts/default-cache-behavior/).
    """

    def __init__(self, name: str, args: CloudflareZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("rocketclub:edge:CloudflareZone", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        for host, domain_name in args.applications.items():
            self._record(host, args.zone_id, domain_name, proxied=True)
        # Proxying the origin would send CloudFront back through Cloudflare.
        self._record(args.origin, args.zone_id, args.load_balancer, proxied=False)
        hosts = " ".join(f'"{host}"' for host in args.applications)
        cloudflare.Ruleset(
            "cache-bypass",
            zone_id=args.zone_id,
            name="Cache rules of the guarded way in",
            kind="zone",
            phase="http_request_cache_settings",
            rules=[
                cloudflare.RulesetRuleArgs(
                    description="Nothing behind the sign-in is cached",
                    expression=f"(http.host in {{{hosts}}})",
                    action="set_cache_settings",
                    action_parameters=cloudflare.RulesetRuleActionParametersArgs(cache=False),
                    enabled=True,
                )
            ],
            opts=child,
        )
        if args.manage_settings:
            for setting, value in ZONE_SETTINGS.items():
                cloudflare.ZoneSetting(setting, zone_id=args.zone_id, setting_id=setting, value=value, opts=child)
        self.register_outputs({})

    def _record(self, host: str, zone_id: str, content: pulumi.Input[str], *, proxied: bool) -> None:
        cloudflare.DnsRecord(
            host,
            zone_id=zone_id,
            name=host,
            type="CNAME",
            content=content,
            proxied=proxied,
            ttl=AUTOMATIC_TTL,
            comment="rocketclub-platform",
            opts=pulumi.ResourceOptions(parent=self),
        )
