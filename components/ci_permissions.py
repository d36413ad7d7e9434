"""What CI may do: look (preview), manage what this program defines (deploy), start one task (trigger).

Nobody in CI changes who may assume a role, a permissions boundary, or CI's own roles: those changes are applied by
an administrator. So a compromised pipeline can't widen its own way in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from components.applications import APPLICATIONS
from components.catalogue import (
    PARAMETERS,
    SECRETS,
    Bucket,
    Maker,
    Parameter,
    Reader,
    Workload,
    edge_log_bucket_name,
    parameters_read_by,
    secrets_made_by,
    secrets_read_by,
)
from components.iam_documents import Statement
from components.naming import VIEWER_REGION, Names
from components.settings import Settings
from components.workload_roles import execution_role_name, role_names, task_role_name

_BUCKET_READS: Final = (
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketAcl",
    "s3:GetBucketCORS",
    "s3:GetBucketLocation",
    "s3:GetBucketLogging",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketRequestPayment",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
)
"""What the provider asks about a bucket."""


def look_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what lets the provider read this program's resources, as far as no secret value is among it.

    Listener rules and distributions are left out: both answer with the header secret in clear.
    """
    edge = names.in_region(VIEWER_REGION)
    return [
        Statement("LookAtBuckets", _BUCKET_READS, _buckets(names)),
        Statement(
            "LookAtSecretContainers",
            ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
            [names.secret_arn_pattern(secret.name(names)) for secret in SECRETS],
        ),
        Statement("LookAtParameterTags", ["ssm:ListTagsForResource"], [names.parameter_arn(names.parameter("*"))]),
        Statement(
            "LookAtRoles",
            ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            [names.role_arn("*")],
        ),
        Statement(
            "LookAtManagedPolicies",
            ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"],
            [names.policy_arn("*")],
        ),
        Statement("LookAtTokenIssuer", ["iam:GetOpenIDConnectProvider"], [names.oidc_provider_arn(issuer(settings))]),
        Statement(
            "LookAtCertificates",
            ["acm:DescribeCertificate", "acm:ListTagsForCertificate"],
            [names.certificates_arn, edge.certificates_arn],
        ),
        Statement(
            "LookAtHeadersPolicy",
            ["cloudfront:GetResponseHeadersPolicy", "cloudfront:GetResponseHeadersPolicyConfig"],
            [names.cloudfront_arn("response-headers-policy/*")],
        ),
        Statement(
            "LookAtLogDelivery",
            ["logs:GetDelivery", "logs:GetDeliveryDestination", "logs:GetDeliverySource", "logs:ListTagsForResource"],
            edge.log_delivery_arns,
        ),
        # None of these knows resources (Service Authorization Reference).
        Statement(
            "LookAround",
            [
                "ec2:DescribeSecurityGroupRules",
                "ec2:DescribeSecurityGroups",
                "elasticloadbalancing:DescribeListenerAttributes",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeLoadBalancerAttributes",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeTags",
                "elasticloadbalancing:DescribeTargetGroupAttributes",
                "elasticloadbalancing:DescribeTargetGroups",
                "logs:DescribeDeliveries",
                "ssm:DescribeParameters",
            ],
            ["*"],
        ),
    ]


def preview_statements(names: Names) -> list[Statement]:
    """Return what a preview may do beyond looking: read the modes that the pipeline depends on."""
    return [*_read_parameters(names, parameters_read_by(Reader.CI_PREVIEW))]


def deploy_statements(names: Names) -> list[Statement]:
    """Return what a deploy may do to data and roles: change what the program manages, not IAM's own foundations."""
    return [*_manage_data(names), *_manage_roles(names)]


def _manage_data(names: Names) -> list[Statement]:
    return [
        Statement(
            "ManageBuckets",
            [
                "s3:CreateBucket",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
            ],
            _buckets(names),
        ),
        Statement(
            "ManageSecretContainers",
            [
                "secretsmanager:CreateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            [names.secret_arn_pattern(secret.name(names)) for secret in secrets_made_by(Maker.PROGRAM)],
        ),
        Statement(
            "ReadSecretsOfTheDeploy",
            ["secretsmanager:GetSecretValue"],
            [names.secret_arn_pattern(secret.name(names)) for secret in secrets_read_by(Reader.CI_DEPLOY)],
        ),
        Statement(
            "ManageParameters",
            [
                "ssm:AddTagsToResource",
                "ssm:DeleteParameter",
                "ssm:GetParameter",
                "ssm:GetParameters",
                "ssm:PutParameter",
                "ssm:RemoveTagsFromResource",
            ],
            [names.parameter_arn(parameter.name(names)) for parameter in PARAMETERS],
        ),
    ]


def _manage_roles(names: Names) -> list[Statement]:
    roles = [*map(names.role_arn, workload_role_names(names))]
    return [
        Statement(
            "MakeBoundedRoles",
            ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"],
            roles,
            {"StringEquals": {"iam:PermissionsBoundary": names.policy_arn(workload_boundary_name(names))}},
        ),
        Statement("ManageRoles", ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateRole"], roles),
    ]


def way_in_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what a deploy may do to the way in."""
    edge = names.in_region(VIEWER_REGION)
    balancer = names.resource("edge")
    target_groups = [names.resource(application.label) for application in APPLICATIONS]
    tagged_already = {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in _ownership(names).items()}}
    tagged_at_birth = {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in _ownership(names).items()}}
    groups = names.ec2_arn("security-group/*")
    certificates = [names.certificates_arn, edge.certificates_arn]
    statements = [
        Statement(
            "ManageLoadBalancer",
            [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateListener",
                "elasticloadbalancing:CreateLoadBalancer",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:RemoveTags",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            [names.load_balancing_arn(f"loadbalancer/app/{balancer}/*")],
        ),
        Statement(
            "ManageListener",
            [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateRule",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyListenerAttributes",
                "elasticloadbalancing:RemoveTags",
            ],
            [names.load_balancing_arn(f"listener/app/{balancer}/*")],
        ),
        Statement(
            "ManageListenerRules",
            [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:DeleteRule",
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:RemoveTags",
                "elasticloadbalancing:SetRulePriorities",
            ],
            [names.load_balancing_arn(f"listener-rule/app/{balancer}/*")],
        ),
        Statement(
            "ManageTargetGroups",
            [
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateTargetGroup",
                "elasticloadbalancing:DeleteTargetGroup",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:RemoveTags",
            ],
            [names.load_balancing_arn(f"targetgroup/{group}/*") for group in target_groups],
        ),
        # The header secret is in the answer: for the deploy only. The action knows no resources.
        Statement("LookAtListenerRules", ["elasticloadbalancing:DescribeRules"], ["*"]),
        Statement("MakeSecurityGroupInVpc", ["ec2:CreateSecurityGroup"], [names.ec2_arn(f"vpc/{settings.vpc_id}")]),
        Statement("MakeSecurityGroup", ["ec2:CreateSecurityGroup"], [groups], tagged_at_birth),
        Statement(
            "TagNewSecurityGroup",
            ["ec2:CreateTags"],
            [groups, names.ec2_arn("security-group-rule/*")],
            {
                "StringEquals": {
                    "ec2:CreateAction": [
                        "AuthorizeSecurityGroupEgress",
                        "AuthorizeSecurityGroupIngress",
                        "CreateSecurityGroup",
                    ]
                }
            },
        ),
        Statement(
            "ManageSecurityGroup",
            [
                "ec2:AuthorizeSecurityGroupEgress",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:DeleteSecurityGroup",
                "ec2:RevokeSecurityGroupEgress",
                "ec2:RevokeSecurityGroupIngress",
            ],
            [groups],
            tagged_already,
        ),
        # What these make has no ARN yet: the actions know no resources, the tags are what narrows them.
        Statement("MakeTagged", ["acm:RequestCertificate", "cloudfront:CreateDistribution"], ["*"], tagged_at_birth),
        Statement(
            "ManageCertificates",
            ["acm:AddTagsToCertificate", "acm:DeleteCertificate", "acm:RemoveTagsFromCertificate"],
            certificates,
            tagged_already,
        ),
        Statement(
            "TagNewDistributions",
            ["cloudfront:TagResource"],
            [names.cloudfront_arn("distribution/*")],
            tagged_at_birth,
        ),
        Statement(
            "ManageDistributions",
            [
                "cloudfront:AllowVendedLogDeliveryForResource",
                "cloudfront:GetDistribution",
                "cloudfront:GetDistributionConfig",
                "cloudfront:ListTagsForResource",
                "cloudfront:UntagResource",
                "cloudfront:UpdateDistribution",
            ],
            [names.cloudfront_arn("distribution/*")],
            tagged_already,
        ),
        # Knows neither resources nor condition keys (Service Authorization Reference, Amazon CloudFront).
        Statement("MakeHeadersPolicy", ["cloudfront:CreateResponseHeadersPolicy"], ["*"]),
        Statement(
            "ManageHeadersPolicy",
            ["cloudfront:UpdateResponseHeadersPolicy"],
            [names.cloudfront_arn("response-headers-policy/*")],
        ),
        Statement(
            "ManageLogDelivery",
            [
                "logs:CreateDelivery",
                "logs:DeleteDelivery",
                "logs:PutDeliveryDestination",
                "logs:PutDeliverySource",
                "logs:TagResource",
                "logs:UpdateDeliveryConfiguration",
            ],
            edge.log_delivery_arns,
        ),
    ]
    if settings.only_cloudflare_viewers:
        statements.append(
            Statement(
                "ManageWebAcl",
                [
                    "wafv2:CreateIPSet",
                    "wafv2:CreateWebACL",
                    "wafv2:GetIPSet",
                    "wafv2:GetWebACL",
                    "wafv2:ListTagsForResource",
                    "wafv2:TagResource",
                    "wafv2:UpdateIPSet",
                    "wafv2:UpdateWebACL",
                ],
                [
                    edge.web_acl_arn("ipset/" + names.resource("only-cloudflare") + "-*"),
                    edge.web_acl_arn("webacl/" + names.resource("only-cloudflare") + "/*"),
                ],
            )
        )
    return statements


def _ownership(names: Names) -> dict[str, str]:
    return {key: value for key, value in names.tags("edge").items() if key in {"Project", "Environment"}}


def _buckets(names: Names) -> list[str]:
    data = [bucket.name_in(names) for bucket in Bucket]
    return [*map(names.bucket_arn, [*data, edge_log_bucket_name(names)])]


def trigger_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what starts the Prefect deployer: run its task, follow it, read where it runs, pass its two roles.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html
    """
    deployer = Workload.PREFECT_DEPLOYER
    on_cluster = {"ArnEquals": {"ecs:cluster": names.cluster_arn(settings.cluster)}}
    return [
        Statement(
            "RunDeployer",
            ["ecs:RunTask"],
            [names.task_definition_arn(settings.deployer_task_family, revision="*")],
            on_cluster,
        ),
        Statement("FollowDeployer", ["ecs:DescribeTasks"], [names.tasks_arn(settings.cluster)], on_cluster),
        Statement(
            "PassDeployerRoles",
            ["iam:PassRole"],
            [
                names.role_arn(execution_role_name(names, deployer)),
                names.role_arn(task_role_name(names, deployer)),
            ],
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
        *_read_parameters(names, parameters_read_by(Reader.CI_DEPLOYER_TRIGGER)),
    ]


LOOK: Final = "ci-look"
"""Purpose of the managed policy with which CI reads this program's resources."""
WAY_IN: Final = "ci-way-in"
"""Purpose of the managed policy with which CI changes the way in."""


def workload_boundary_name(names: Names) -> str:
    """Return the name of the boundary of the workloads' roles."""
    return names.resource("workload", "boundary")


def ci_boundary_statements(names: Names, statements: Sequence[Statement]) -> list[Statement]:
    """Return the boundary of a CI role: its permissions, widened from single names to this environment's.

    A boundary has to fit into one managed policy of 6,144 characters; so statements are merged, tag conditions left to
    the role's own policies, and reading actions folded. What guards IAM and secret values stays as it is.
    """
    merged: dict[tuple[str, ...], tuple[Statement, set[str]]] = {}
    for statement in statements:
        secret_values = "secretsmanager:GetSecretValue" in statement.actions
        resources = sorted({arn if secret_values else _widened(names, arn) for arn in statement.resources})
        guarded = "iam:PutRolePolicy" in statement.actions
        kept = replace(statement, resources=resources, conditions=statement.conditions if guarded else {})
        _, actions = merged.setdefault((*resources, "guarded" if guarded else ""), (kept, set()))
        actions.update(map(_folded, statement.actions))
    return [replace(statement, actions=sorted(actions)) for statement, actions in merged.values()]


_FOLDED: Final = ("elasticloadbalancing:Describe", "logs:Get", "s3:GetBucket", "wafv2:Get")


def _folded(action: str) -> str:
    return next((f"{prefix}*" for prefix in _FOLDED if action.startswith(prefix)), action)


def _widened(names: Names, arn: str) -> str:
    """Return the pattern of this environment's resources of the kind that an ARN names."""
    kinds = (
        names.bucket_arn(names.resource("*")),
        names.secret_arn(names.secret("*")),
        names.parameter_arn(names.parameter("*")),
        names.role_arn("*"),
        names.load_balancing_arn("*"),
    )
    return next((kind for kind in kinds if arn.startswith(kind.removesuffix("*"))), arn)


def workload_role_names(names: Names) -> list[str]:
    """Return the names of all roles that a deploy manages: those of the workloads and of the `.ork` processor."""
    return [
        *(role for workload in Workload for role in role_names(names, workload)),
        names.resource(Reader.ORK_PROCESSOR),
    ]


def _read_parameters(names: Names, parameters: Sequence[Parameter]) -> list[Statement]:
    arns = [names.parameter_arn(parameter.name(names)) for parameter in parameters]
    return [Statement("ReadParameters", ["ssm:GetParameter", "ssm:GetParameters"], arns)]


def issuer(settings: Settings) -> str:
    """Return the issuer of CircleCI's tokens, without `https://`.

    Source: https://circleci.com/docs/openid-connect-tokens/
    """
    return f"oidc.circleci.com/org/{settings.circleci_organization_id}"
