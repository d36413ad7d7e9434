"""What Cloudflare does for the two hosts: proxied records and, if asked for, the zone's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_cloudflare as cloudflare

AUTOMATIC_TTL: Final = 1
"""The only TTL of a proxied record: https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/"""

ZONE_SETTINGS: Final[Mapping[str, str]] = {
    # Every weaker mode causes a redirect loop with CloudFront, or sends requests to it in clear text.
    "ssl": "strict",
    "min_tls_version": "1.2",
    "tls_1_3": "on",
    "always_use_https": "on",
    "websockets": "on",
}
"""https://developers.cloudflare.com/ssl/origin-configuration/ssl-modes/"""


@dataclass(frozen=True)
class CloudflareZoneArgs:
    """The zone, host -> distribution's domain name, the origin host and the load balancer's DNS name.

    `comment` is shown beside each record in Cloudflare's list.
    """

    zone_id: str
    applications: Mapping[str, pulumi.Input[str]]
    origin: str
    load_balancer: pulumi.Input[str]
    manage_settings: bool
    comment: str


class CloudflareZone(pulumi.ComponentResource):
    """DNS records of the entry points, and the settings of the zone if this stack owns them.

    It has nothing of which a zone has only one, such as its cache rules, because several environments and other
    people's rules share a zone. The responses say what Cloudflare may cache (components/way_in.py).
    """

    def __init__(self, name: str, args: CloudflareZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:edge:CloudflareZone", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        for host, domain_name in args.applications.items():
            self._record(args, host, domain_name, proxied=True)
        # A proxied origin would send CloudFront's requests back through Cloudflare.
        self._record(args, args.origin, args.load_balancer, proxied=False)
        if args.manage_settings:
            for setting, value in ZONE_SETTINGS.items():
                cloudflare.ZoneSetting(setting, zone_id=args.zone_id, setting_id=setting, value=value, opts=child)
        self.register_outputs({})

    def _record(self, args: CloudflareZoneArgs, host: str, content: pulumi.Input[str], *, proxied: bool) -> None:
        cloudflare.DnsRecord(
            host,
            zone_id=args.zone_id,
            name=host,
            type="CNAME",
            content=content,
            proxied=proxied,
            ttl=AUTOMATIC_TTL,
            comment=args.comment,
            opts=pulumi.ResourceOptions(parent=self),
        )
