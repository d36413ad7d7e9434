"""A web ACL that lets nobody but Cloudflare reach the distributions."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_cloudflare as cloudflare

from components.naming import VIEWER_REGION, Names


@dataclass(frozen=True)
class CloudflareOnlyArgs:
    """`names` gives the tags."""

    names: Names


class CloudflareOnly(pulumi.ComponentResource):
    """Blocks every viewer whose address isn't one of Cloudflare's.

    This only reduces who can connect: Cloudflare's other customers share those addresses.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: CloudflareOnlyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:edge:CloudflareOnly", name, None, opts)
        ranges = cloudflare.get_ip_ranges_output()
        sets = {
            version: aws.wafv2.IpSet(
                f"{name}-{version.lower()}",
                name=f"{name}-{version.lower()}",
                description="Addresses of Cloudflare",
                scope="CLOUDFRONT",
                ip_address_version=version,
                addresses=addresses,
                region=VIEWER_REGION,
                tags=args.names.tags("edge"),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for version, addresses in (("IPV4", ranges.ipv4_cidrs), ("IPV6", ranges.ipv6_cidrs))
        }
        self.arn = aws.wafv2.WebAcl(
            name,
            name=name,
            description="Only Cloudflare reaches the distributions",
            scope="CLOUDFRONT",
            default_action=aws.wafv2.WebAclDefaultActionArgs(block=aws.wafv2.WebAclDefaultActionBlockArgs()),
            rules=[
                aws.wafv2.WebAclRuleArgs(
                    name=f"cloudflare-{version.lower()}",
                    priority=priority,
                    action=aws.wafv2.WebAclRuleActionArgs(allow=aws.wafv2.WebAclRuleActionAllowArgs()),
                    statement=aws.wafv2.WebAclRuleStatementArgs(
                        ip_set_reference_statement=aws.wafv2.WebAclRuleStatementIpSetReferenceStatementArgs(
                            arn=ip_set.arn
                        )
                    ),
                    visibility_config=aws.wafv2.WebAclRuleVisibilityConfigArgs(
                        cloudwatch_metrics_enabled=True,
                        metric_name=f"{name}-{version.lower()}",
                        sampled_requests_enabled=False,
                    ),
                )
                for priority, (version, ip_set) in enumerate(sets.items())
            ],
            visibility_config=aws.wafv2.WebAclVisibilityConfigArgs(
                cloudwatch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
            ),
            region=VIEWER_REGION,
            tags=args.names.tags("edge"),
            opts=pulumi.ResourceOptions(parent=self),
        ).arn
        self.register_outputs({"arn": self.arn})
