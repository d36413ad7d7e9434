"""What CI may do: read (preview), manage what this program defines (deploy), start one task (trigger).

CI can't change a trust policy, a permissions boundary or its own roles: an administrator applies those
changes. So a compromised pipeline can't give itself more permissions. `ci_entry_point_permissions` has what a deploy
may do to the entry points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from components.catalogue import SECRETS, Maker, Reader, Workload, bucket_names, secrets_made_by, secrets_read_by
from components.ci_entry_point_permissions import web_acl_arns
from components.ci_issuers import issuers
from components.ci_state_permissions import state_statements
from components.iam_documents import Statement
from components.iam_names import (
    execution_role_name,
    task_role_name,
    workload_boundary_name,
    workload_role_names,
)
from components.naming import VIEWER_REGION, Names
from components.parameter_catalogue import PARAMETERS, Parameter, parameters_read_by
from components.settings import Settings

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
"""The actions with which the provider reads a bucket."""
_DESCRIPTIONS: Final = (
    "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeSecurityGroups",
    "elasticloadbalancing:DescribeCapacityReservation",
    "elasticloadbalancing:DescribeListenerAttributes",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "logs:DescribeDeliveries",
    "ssm:DescribeParameters",
)
"""Actions that take no resource (Service Authorization Reference)."""


def look_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return the statements that let the provider read this program's resources, without any secret value.

    Listener rules and distributions are left out, because the responses about both contain the header secret.
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
            names.role_arns,
        ),
        Statement(
            "LookAtManagedPolicies",
            ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"],
            names.policy_arns,
        ),
        Statement(
            "LookAtTokenIssuer",
            ["iam:GetOpenIDConnectProvider"],
            [*map(names.oidc_provider_arn, issuers(settings).values())],
        ),
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
        Statement("LookAround", _DESCRIPTIONS, ["*"]),
        *(
            [
                Statement(
                    "LookAtWebAcl",
                    ["wafv2:GetIPSet", "wafv2:GetWebACL", "wafv2:ListTagsForResource"],
                    web_acl_arns(names),
                )
            ]
            if settings.only_cloudflare_viewers
            else []
        ),
    ]


def preview_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what a preview may also do: read the modes that the pipeline depends on, and the state if so configured.

    A role that can read the state can decrypt its secrets, so this is opt-in. Without it, CI has no preview on the real
    engine.
    """
    state = state_statements(names, settings, writes=False) if settings.preview_reads_state else []
    return [*_read_parameters(names, parameters_read_by(Reader.CI_PREVIEW)), *state]


def deploy_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what a deploy may do to data, roles and the state, without access to trust policies and boundaries."""
    return [*_manage_data(names, settings), *_manage_roles(names), *state_statements(names, settings, writes=True)]


def _manage_data(names: Names, settings: Settings) -> list[Statement]:
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
            "MakeSecrets",
            [
                "secretsmanager:CreateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            [names.secret_arn_pattern(secret.name(names)) for secret in secrets_made_by(Maker.PROGRAM)],
        ),
        Statement(
            "ReadItsSecrets",
            ["secretsmanager:GetSecretValue"],
            [
                names.secret_arn_pattern(secret.name(names))
                for secret in secrets_read_by(Reader.CI_DEPLOY, here=settings.here)
            ],
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
        Statement(
            "ManageRoles",
            [
                "iam:DeleteRole",
                "iam:ListInstanceProfilesForRole",  # called before each deletion
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            roles,
        ),
    ]


def _buckets(names: Names) -> list[str]:
    return [*map(names.bucket_arn, bucket_names(names).values())]


def trigger_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return the statements to start the Prefect deployer: run and follow its task, read its network, pass its roles.

    With `workloads: here`, CI can't start it while the platform is parked.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security_iam_id-based-policy-examples.html
    """
    read = _read_parameters(names, parameters_read_by(Reader.CI_DEPLOYER_TRIGGER))
    if settings.here and settings.parked:
        return read
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
        *read,
    ]


def _read_parameters(names: Names, parameters: Sequence[Parameter]) -> list[Statement]:
    arns = [names.parameter_arn(parameter.name(names)) for parameter in parameters]
    return [Statement("ReadParameters", ["ssm:GetParameter", "ssm:GetParameters"], arns)]
