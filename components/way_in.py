"""The guarded entry points: from a browser, through Cloudflare and CloudFront, to the two applications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.applications import APPLICATIONS, ORIGIN_LABEL, PIPELINES, Application
from components.catalogue import EDGE_LOGS
from components.certificates import Certificates, CertificatesArgs
from components.cloudflare_only import CloudflareOnly, CloudflareOnlyArgs
from components.cloudflare_zone import CloudflareZone, CloudflareZoneArgs
from components.distribution import Distribution, DistributionArgs
from components.edge_logs import CLOUDFRONT_PREFIX, edge_log_bucket
from components.guarded_application import GuardedApplication, GuardedApplicationArgs
from components.kinde import kinde
from components.kinde_endpoints import callback_url
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.naming import VIEWER_REGION, Names
from components.private_bucket import PrivateBucket
from components.settings import Settings
from components.surroundings import Surroundings


@dataclass(frozen=True)
class WayInArgs:
    """The settings describe the entry points; `protect` protects resources that are hard to restore."""

    names: Names
    settings: Settings
    surroundings: Surroundings
    protect: bool


class WayIn(pulumi.ComponentResource):
    """Certificates, logs, load balancer, sign-in, distributions and DNS, in the order in which a change is applied.

    A rotation of the header secret relies on that order: the listener rules accept the new value before any
    distribution sends it.
    """

    def __init__(self, name: str, args: WayInArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:edge:WayIn", name, None, opts)
        names, settings = args.names, args.settings
        child = pulumi.ResourceOptions(parent=self)
        hosts = {application: names.host(application.label, settings.domain) for application in APPLICATIONS}
        origin = names.host(ORIGIN_LABEL, settings.domain)
        header_secrets = _header_secrets(settings)
        certificates = Certificates(
            "acm", CertificatesArgs(names, origin, list(hosts.values()), settings.cloudflare_zone_id), child
        )
        log_bucket = edge_log_bucket(names, protect=args.protect, flow_logs=settings.here)
        kept = PrivateBucket(names.resource(EDGE_LOGS), log_bucket, child)
        logged = pulumi.ResourceOptions(parent=self, depends_on=[kept])
        balancer = LoadBalancer(
            names.resource("edge"),
            LoadBalancerArgs(
                names,
                args.surroundings,
                settings.cloudfront_prefix_list_id,
                certificates.origin_arn,
                log_bucket.bucket,
                args.protect,
            ),
            logged,
        )
        self.guarded = self._applications(args, hosts, balancer.listener_arn, header_secrets)
        destination = _log_destination(names, log_bucket.bucket, logged)
        headers = _response_headers(names, child)
        web_acl = (
            CloudflareOnly(names.resource("only-cloudflare"), CloudflareOnlyArgs(names), child).arn
            if settings.only_cloudflare_viewers
            else settings.web_acl_arn
        )
        distributions: dict[str, Distribution] = {}
        for application, host in hosts.items():
            distributions[host] = Distribution(
                names.resource(application.label),
                DistributionArgs(
                    names=names,
                    label=application.label,
                    host=host,
                    origin=origin,
                    certificate_arn=certificates.viewer_arn,
                    header_secret=header_secrets[0],
                    headers_policy_id=headers.id,
                    log_destination_arn=destination.arn,
                    log_deliveries_before=[before.log_delivery for before in distributions.values()],
                    price_class=settings.price_class,
                    web_acl_arn=web_acl,
                    protect=args.protect,
                ),
                pulumi.ResourceOptions(parent=self, depends_on=[*self.guarded.values()]),
            )
        self._cloudflare(args, origin, balancer, distributions)
        self.urls = [f"https://{host}" for host in hosts.values()]
        self.callback_urls = [callback_url(host) for host in hosts.values()]
        """Register these in Kinde as the application's allowed callback URLs."""
        self.load_balancer = balancer
        """Backstage checks that this one signed the identity header."""
        self.register_outputs({"urls": self.urls, "callbackUrls": self.callback_urls})

    def _applications(
        self,
        args: WayInArgs,
        hosts: Mapping[Application, str],
        listener_arn: pulumi.Input[str],
        header_secrets: Sequence[pulumi.Input[str]],
    ) -> dict[Application, GuardedApplication]:
        names, settings = args.names, args.settings
        identity_provider = kinde(settings, names)
        return {
            application: GuardedApplication(
                names.resource(application.label),
                GuardedApplicationArgs(
                    names=names,
                    application=application,
                    host=host,
                    listener_arn=listener_arn,
                    surroundings=args.surroundings,
                    header_secrets=header_secrets,
                    kinde=identity_provider,
                    session_seconds=settings.session_seconds,
                    closed=settings.here and settings.parked,
                    open_machine_api=application is PIPELINES and settings.open_prefect_machine_api,
                ),
                pulumi.ResourceOptions(parent=self),
            )
            for application, host in hosts.items()
        }

    def _cloudflare(
        self, args: WayInArgs, origin: str, balancer: LoadBalancer, distributions: Mapping[str, Distribution]
    ) -> None:
        CloudflareZone(
            "cloudflare",
            CloudflareZoneArgs(
                args.settings.cloudflare_zone_id,
                {host: distribution.domain_name for host, distribution in distributions.items()},
                origin,
                balancer.dns_name,
                args.settings.manage_zone_settings,
                args.names.project,
            ),
            pulumi.ResourceOptions(parent=self),
        )


def _header_secrets(settings: Settings) -> list[pulumi.Output[str]]:
    """Return the values that the listener rules accept; the distributions send the first."""
    return [
        secret.output() for secret in (settings.origin_header_secret, settings.previous_origin_header_secret) if secret
    ]


def _log_destination(names: Names, bucket: str, opts: pulumi.ResourceOptions) -> aws.cloudwatch.LogDeliveryDestination:
    """Return the destination of CloudFront's logs; their delivery is set up in CloudFront's own region."""
    return aws.cloudwatch.LogDeliveryDestination(
        names.resource(EDGE_LOGS),
        name=names.resource(EDGE_LOGS),
        output_format="json",
        delivery_destination_configuration=(
            aws.cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
                destination_resource_arn=f"{names.bucket_arn(bucket)}/{CLOUDFRONT_PREFIX}"
            )
        ),
        region=VIEWER_REGION,
        tags=names.tags("edge"),
        # Names are unique, so the old one is deleted first.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=True)),
    )


def _response_headers(names: Names, opts: pulumi.ResourceOptions) -> aws.cloudfront.ResponseHeadersPolicy:
    """Return the response headers that browsers enforce and Cloudflare obeys; they are set nowhere else.

    By default Cloudflare caches files with certain extensions, and redirects, including the one to the sign-in, and
    would serve them to anyone: https://developers.cloudflare.com/cache/concepts/default-cache-behavior/. A header of
    Cloudflare's own forbids that. Cloudflare doesn't pass it on, so browsers' caches work as each application says:
    https://developers.cloudflare.com/cache/concepts/cdn-cache-control/.
    """
    headers = aws.cloudfront
    return headers.ResponseHeadersPolicy(
        names.resource("security-headers"),
        name=names.resource("security-headers"),
        comment="Security headers of the guarded way in",
        security_headers_config=headers.ResponseHeadersPolicySecurityHeadersConfigArgs(
            strict_transport_security=headers.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                access_control_max_age_sec=31_536_000, include_subdomains=True, override=True
            ),
            content_type_options=headers.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                override=True
            ),
            frame_options=headers.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                frame_option="SAMEORIGIN", override=False
            ),
            referrer_policy=headers.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                referrer_policy="strict-origin-when-cross-origin", override=False
            ),
        ),
        custom_headers_config=headers.ResponseHeadersPolicyCustomHeadersConfigArgs(
            items=[
                headers.ResponseHeadersPolicyCustomHeadersConfigItemArgs(
                    header="Cloudflare-CDN-Cache-Control", value="no-store", override=True
                )
            ]
        ),
        opts=opts,
    )
