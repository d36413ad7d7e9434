"""A CloudFront distribution that forwards everything, caches nothing and proves that a request came through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.guarded_application import HEADER
from components.naming import VIEWER_REGION, Names

CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html"""
ALL_VIEWER: Final = "216adef6-5c7f-47e4-b989-5492eafa07d3"
"""This policy also forwards the Host header, which the redirects of the sign-in need.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html"""
VIEWER_TLS: Final = "TLSv1.2_2025"
"""The newest policy that Cloudflare, the only viewer, is known to support.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html"""

_ALL_METHODS: Final = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
_LOG_FIELDS: Final = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(User-Agent)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "ssl-protocol",
    "ssl-cipher",
    "cs-protocol-version",
    "x-edge-detailed-result-type",
]
"""The logged fields, without query string and cookies, which carry the sign-in's code and state."""


@dataclass(frozen=True)
class DistributionArgs:
    """A host, the origin it leads to, its certificate (us-east-1), and the header secret that it sends along."""

    names: Names
    label: str
    host: str
    origin: str
    certificate_arn: pulumi.Input[str]
    header_secret: pulumi.Input[str]
    headers_policy_id: pulumi.Input[str]
    log_destination_arn: pulumi.Input[str]
    log_deliveries_before: Sequence[aws.cloudwatch.LogDelivery]
    """The deliveries to the same destination that are created first: AWS refuses two at the same time with
    ConflictException (https://github.com/hashicorp/terraform-provider-aws/issues/42194)."""
    price_class: str
    web_acl_arn: pulumi.Input[str] | None
    protect: bool


class Distribution(pulumi.ComponentResource):
    """A distribution for one host, and the delivery of its access logs."""

    domain_name: pulumi.Output[str]
    log_delivery: aws.cloudwatch.LogDelivery

    def __init__(self, name: str, args: DistributionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:edge:Distribution", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        distribution = aws.cloudfront.Distribution(
            name,
            enabled=True,
            comment=f"{args.names.environment} {args.label}",
            aliases=[args.host],
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class=args.price_class,
            web_acl_id=args.web_acl_arn,
            origins=[
                aws.cloudfront.DistributionOriginArgs(
                    origin_id="load-balancer",
                    domain_name=args.origin,
                    custom_headers=[
                        aws.cloudfront.DistributionOriginCustomHeaderArgs(name=HEADER, value=args.header_secret)
                    ],
                    custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                        http_port=80,
                        https_port=443,
                        origin_protocol_policy="https-only",
                        origin_ssl_protocols=["TLSv1.2"],
                        origin_read_timeout=60,
                        # Shorter than the load balancer's idle timeout, so that CloudFront closes first.
                        origin_keepalive_timeout=60,
                    ),
                )
            ],
            default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                target_origin_id="load-balancer",
                viewer_protocol_policy="https-only",
                allowed_methods=_ALL_METHODS,
                cached_methods=["GET", "HEAD"],
                cache_policy_id=CACHING_DISABLED,
                origin_request_policy_id=ALL_VIEWER,
                response_headers_policy_id=args.headers_policy_id,
                compress=True,
            ),
            viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=args.certificate_arn,
                minimum_protocol_version=VIEWER_TLS,
                ssl_support_method="sni-only",
            ),
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(
                geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
            ),
            tags=args.names.tags("edge"),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect,
                # The origins contain the header secret, which the provider doesn't mark as secret.
                additional_secret_outputs=["origins"],
            ),
        )
        self.log_delivery = self._deliver_logs(name, distribution, args, child)
        self.domain_name = distribution.domain_name
        self.register_outputs({"domainName": self.domain_name})

    def _deliver_logs(
        self,
        name: str,
        distribution: aws.cloudfront.Distribution,
        args: DistributionArgs,
        child: pulumi.ResourceOptions,
    ) -> aws.cloudwatch.LogDelivery:
        source = aws.cloudwatch.LogDeliverySource(
            name,
            name=name,
            log_type="ACCESS_LOGS",
            resource_arn=distribution.arn,
            region=VIEWER_REGION,
            tags=args.names.tags("edge"),
            # Names are unique, and a source can have only one delivery to a bucket. So the old ones are deleted first.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(delete_before_replace=True)),
        )
        return aws.cloudwatch.LogDelivery(
            name,
            delivery_source_name=source.name,
            delivery_destination_arn=args.log_destination_arn,
            record_fields=_LOG_FIELDS,
            s3_delivery_configurations=[
                aws.cloudwatch.LogDeliveryS3DeliveryConfigurationArgs(
                    suffix_path=f"/{args.label}/{{yyyy}}/{{MM}}/{{dd}}",
                    enable_hive_compatible_path=False,
                )
            ],
            region=VIEWER_REGION,
            tags=args.names.tags("edge"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.log_deliveries_before, delete_before_replace=True),
        )
