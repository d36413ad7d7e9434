"""The certificates of both hops: from viewers to CloudFront, and from CloudFront to the load balancer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_cloudflare as cloudflare

from components.immutable import ORIGIN_CERTIFICATE, VIEWER_CERTIFICATE
from components.naming import VIEWER_REGION, Names


@dataclass(frozen=True)
class CertificatesArgs:
    """The origin host (the load balancer's own name), the applications' hosts, and the Cloudflare zone."""

    names: Names
    origin: str
    hosts: Sequence[str]
    zone_id: str


class Certificates(pulumi.ComponentResource):
    """The origin certificate (`acm-alb-origin`) and the viewers' certificate, both validated by DNS.

    The origin certificate also contains the applications' hosts, because CloudFront forwards the viewer's host and
    accepts a certificate that matches either. Within an account, ACM requires the same validation record for a name in
    every certificate, so each record is created once.
    """

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:edge:Certificates", name, None, opts)
        origin = self._certificate(ORIGIN_CERTIFICATE, args, [args.origin, *args.hosts], region=None)
        viewer = self._certificate(VIEWER_CERTIFICATE, args, args.hosts, region=VIEWER_REGION)
        records = {
            host: cloudflare.DnsRecord(
                f"validation-{host}",
                zone_id=args.zone_id,
                # ACM gives the name only once the certificate is requested. Cloudflare can't proxy such a record.
                name=_option(origin, host, "resource_record_name"),
                content=_option(origin, host, "resource_record_value"),
                type="CNAME",
                ttl=300,
                proxied=False,
                comment=f"ACM validation of {host}",
                opts=pulumi.ResourceOptions(parent=self),
            )
            for host in (args.origin, *args.hosts)
        }
        self.origin_arn = self._validated(ORIGIN_CERTIFICATE, origin, list(records.values()), region=None)
        self.viewer_arn = self._validated(
            VIEWER_CERTIFICATE, viewer, [records[host] for host in args.hosts], region=VIEWER_REGION
        )
        self.register_outputs({"originArn": self.origin_arn, "viewerArn": self.viewer_arn})

    def _certificate(
        self, name: str, args: CertificatesArgs, hosts: Sequence[str], region: str | None
    ) -> aws.acm.Certificate:
        return aws.acm.Certificate(
            name,
            domain_name=hosts[0],
            subject_alternative_names=list(hosts[1:]),
            validation_method="DNS",
            key_algorithm=args.names.fixed("certificates", name, "keyAlgorithm", "EC_prime256v1"),
            region=region,
            tags=args.names.tags("edge"),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _validated(
        self, name: str, certificate: aws.acm.Certificate, records: Sequence[cloudflare.DnsRecord], region: str | None
    ) -> pulumi.Output[str]:
        return aws.acm.CertificateValidation(
            name,
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.name for record in records],
            region=region,
            opts=pulumi.ResourceOptions(parent=self),
        ).certificate_arn


def _option(certificate: aws.acm.Certificate, host: str, attribute: str) -> pulumi.Output[str]:
    """Return an attribute of the record that validates a host, without the dot that ACM puts at the end of names."""
    return certificate.domain_validation_options.apply(
        lambda options: next(getattr(option, attribute).rstrip(".") for option in options if option.domain_name == host)
    )
