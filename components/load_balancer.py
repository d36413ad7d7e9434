"""The load balancer: TLS, the refusal of requests without the header secret, and its outgoing connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.edge_logs import ACCESS_PREFIX, CONNECTION_PREFIX
from components.naming import Names
from components.surroundings import Surroundings

TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
"""AWS recommends this policy. TLS 1.3 alone isn't enough: CloudFront connects to origins with 1.2.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""

_GROUP_DESCRIPTION: Final = "Load balancer: from CloudFront, to the applications and the identity provider"


@dataclass(frozen=True)
class LoadBalancerArgs:
    """The load balancer's network, its applications, its certificate, and its log bucket.

    `prefix_list_id` names the addresses from which it accepts connections.
    """

    names: Names
    surroundings: Surroundings
    prefix_list_id: str
    certificate_arn: pulumi.Input[str]
    log_bucket: str
    protect: bool


class LoadBalancer(pulumi.ComponentResource):
    """An internet-facing Application Load Balancer that only CloudFront can reach.

    By default its listener answers every request with 403; each application adds its own rule.
    """

    dns_name: pulumi.Output[str]
    arn: pulumi.Output[str]
    listener_arn: pulumi.Output[str]
    group_id: pulumi.Output[str]
    """Its security group."""

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        names = args.names
        super().__init__("guarded:edge:LoadBalancer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = self._security_group(name, args, child)
        balancer = aws.lb.LoadBalancer(
            name,
            name=names.fixed("loadBalancers", name, "name", name),
            load_balancer_type="application",
            internal=False,
            security_groups=[group.id],
            subnets=list(args.surroundings.public_subnet_ids),
            drop_invalid_header_fields=True,
            desync_mitigation_mode="strictest",
            enable_deletion_protection=args.protect,
            # Browsers and workers keep WebSockets to Prefect open; the default of 60 seconds would close idle ones.
            idle_timeout=300,
            access_logs=aws.lb.LoadBalancerAccessLogsArgs(bucket=args.log_bucket, prefix=ACCESS_PREFIX, enabled=True),
            connection_logs=aws.lb.LoadBalancerConnectionLogsArgs(
                bucket=args.log_bucket, prefix=CONNECTION_PREFIX, enabled=True
            ),
            tags=names.tags("edge"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        listener = aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificate_arn=args.certificate_arn,
            default_actions=[
                aws.lb.ListenerDefaultActionArgs(
                    type="fixed-response",
                    fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                        content_type="text/plain", message_body="Forbidden", status_code="403"
                    ),
                )
            ],
            routing_http_response_server_enabled=False,
            tags=names.tags("edge"),
            opts=child,
        )
        self.group_id = group.id
        self.arn = balancer.arn
        self.dns_name = balancer.dns_name
        self.listener_arn = listener.arn
        self.register_outputs({"arn": self.arn, "dnsName": self.dns_name, "listenerArn": self.listener_arn})

    def _security_group(
        self, name: str, args: LoadBalancerArgs, child: pulumi.ResourceOptions
    ) -> aws.ec2.SecurityGroup:
        """Return a group that admits only CloudFront, and connects only to the applications and identity provider."""
        names, surroundings = args.names, args.surroundings
        description = names.fixed("securityGroups", name, "description", _GROUP_DESCRIPTION)
        # AWS doesn't delete a group that a load balancer uses, and a change of either value replaces the group.
        own_name = names.replaceable("edge", description, surroundings.vpc_mark)
        group = aws.ec2.SecurityGroup(
            name,
            name=names.fixed("securityGroups", name, "name", own_name),
            description=description,
            vpc_id=surroundings.vpc_id,
            tags=names.tags("edge"),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from-cloudfront",
            security_group_id=group.id,
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/LocationsOfEdgeServers.html
            prefix_list_id=args.prefix_list_id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            description="Origin-facing addresses of CloudFront",
            tags=names.tags("edge"),
            opts=child,
        )
        for application, target in surroundings.targets.items():
            aws.vpc.SecurityGroupEgressRule(
                f"{name}-to-{application.label}",
                security_group_id=group.id,
                referenced_security_group_id=target,
                ip_protocol="tcp",
                from_port=application.port,
                to_port=application.port,
                description=application.title,
                tags=names.tags("edge"),
                opts=child,
            )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-identity-provider",
            security_group_id=group.id,
            # Kinde publishes no address ranges; the load balancer calls it over IPv4.
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            description="Identity provider",
            tags=names.tags("edge"),
            opts=child,
        )
        return group
