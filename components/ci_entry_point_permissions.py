"""What a deploy may do to the entry points: one row of a table for each purpose.

There are two tables, each for one managed policy. A policy holds 6,144 characters, so both have room to grow.
The actions, and the conditions that can narrow each, come from the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.applications import APPLICATIONS
from components.ci_grants import SECURITY_GROUP_GRANTS, Grant, granted_statements, security_group_arns
from components.iam_documents import Statement
from components.naming import VIEWER_REGION, Names
from components.settings import Settings

_BALANCING: Final = "elasticloadbalancing"
BALANCER_GRANTS: Final = (
    Grant(
        "ManageLoadBalancer",
        _BALANCING,
        "AddTags CreateListener CreateLoadBalancer ModifyLoadBalancerAttributes RemoveTags SetSecurityGroups"
        " SetSubnets",
        "load balancer",
    ),
    Grant(
        "ManageListener",
        _BALANCING,
        "AddTags CreateRule ModifyListener ModifyListenerAttributes RemoveTags",
        "listener",
    ),
    Grant(
        "ManageListenerRules",
        _BALANCING,
        "AddTags DeleteRule ModifyRule RemoveTags SetRulePriorities",
        "listener rules",
    ),
    Grant(
        "ManageTargetGroups",
        _BALANCING,
        "AddTags CreateTargetGroup DeleteTargetGroup ModifyTargetGroup ModifyTargetGroupAttributes RemoveTags",
        "target groups",
    ),
    # The response contains the header secret, so only the deploy role has this action. It takes no resource.
    Grant("LookAtListenerRules", _BALANCING, "DescribeRules", "anything"),
    # The provider calls this before it deletes a group. The action takes no resource.
    Grant("LookAtInterfaces", "ec2", "DescribeNetworkInterfaces", "anything"),
    *SECURITY_GROUP_GRANTS,
)
EDGE_GRANTS: Final = (
    # The resources that these create have no ARN yet, so the actions take no resource; the tags narrow them.
    Grant("MakeTagged", "acm", "RequestCertificate cloudfront:CreateDistribution", "anything", "tagged when made"),
    # Also required if a request sets tags: https://github.com/hashicorp/terraform-provider-aws/issues/11903
    Grant("TagNewCertificates", "acm", "AddTagsToCertificate", "certificates", "tagged when made"),
    Grant(
        "ManageCertificates",
        "acm",
        "AddTagsToCertificate DeleteCertificate RemoveTagsFromCertificate",
        "certificates",
        "tagged",
    ),
    Grant("TagNewDistributions", "cloudfront", "TagResource", "distributions", "tagged when made"),
    Grant(
        "ManageDistributions",
        "cloudfront",
        "AllowVendedLogDeliveryForResource GetDistribution GetDistributionConfig ListTagsForResource UntagResource"
        " UpdateDistribution",
        "distributions",
        "tagged",
    ),
    # This action takes neither resources nor condition keys.
    Grant("MakeHeadersPolicy", "cloudfront", "CreateResponseHeadersPolicy", "anything"),
    Grant("ManageHeadersPolicy", "cloudfront", "UpdateResponseHeadersPolicy", "headers policies"),
    Grant(
        "ManageLogDelivery",
        "logs",
        "CreateDelivery DeleteDelivery PutDeliveryDestination PutDeliverySource TagResource"
        " UntagResource UpdateDeliveryConfiguration",
        "log deliveries",
    ),
)
WEB_ACL_GRANT: Final = Grant(
    "ManageWebAcl",
    "wafv2",
    "CreateIPSet CreateWebACL TagResource UntagResource UpdateIPSet UpdateWebACL",
    "web ACL",
)
"""Granted only if the stack has its own web ACL."""
ATTACH_WEB_ACL_GRANT: Final = Grant("AttachWebAcl", "wafv2", "GetWebACL", "given web ACL")
"""Granted only if the stack attaches a web ACL that others created."""


def balancer_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what a deploy may do to the load balancer, its rules, its targets and its security group."""
    return granted_statements(BALANCER_GRANTS, names, settings, _arns(names, settings))


def edge_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what a deploy may do in front of the load balancer: certificates, distributions, their logs."""
    own = [WEB_ACL_GRANT] if settings.only_cloudflare_viewers else []
    given = [ATTACH_WEB_ACL_GRANT] if settings.web_acl_arn else []
    return granted_statements([*EDGE_GRANTS, *own, *given], names, settings, _arns(names, settings))


def web_acl_arns(names: Names) -> list[str]:
    """Return the patterns of the ARNs of the stack's own web ACL and its sets of addresses."""
    edge, name = names.in_region(VIEWER_REGION), names.resource("only-cloudflare")
    return [edge.web_acl_arn(f"ipset/{name}-*"), edge.web_acl_arn(f"webacl/{name}/*")]


def _arns(names: Names, settings: Settings) -> Mapping[str, list[str]]:
    edge = names.in_region(VIEWER_REGION)
    balancer = names.fixed("loadBalancers", names.resource("edge"), "name", names.resource("edge"))
    return {
        "anything": ["*"],
        "load balancer": [names.load_balancing_arn(f"loadbalancer/app/{balancer}/*")],
        "listener": [names.load_balancing_arn(f"listener/app/{balancer}/*")],
        "listener rules": [names.load_balancing_arn(f"listener-rule/app/{balancer}/*")],
        "target groups": [
            names.load_balancing_arn(f"targetgroup/{_target_group(names, application.label)}/*")
            for application in APPLICATIONS
        ],
        **security_group_arns(names, settings),
        "certificates": [names.certificates_arn, edge.certificates_arn],
        "distributions": [names.cloudfront_arn("distribution/*")],
        "headers policies": [names.cloudfront_arn("response-headers-policy/*")],
        "log deliveries": edge.log_delivery_arns,
        "given web ACL": [settings.web_acl_arn] if settings.web_acl_arn else [],
        "web ACL": web_acl_arns(names),
    }


def _target_group(names: Names, label: str) -> str:
    """Return the pattern that matches every name that an application's target group gets over time."""
    return names.fixed("targetGroups", names.resource(label), "name", names.resource(label, "????"))
