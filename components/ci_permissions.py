"""What CI may do: look (preview), manage what this program defines (deploy), start one task (trigger).

Nobody in CI changes who may assume a role, a permissions boundary, or CI's own roles: those changes are applied by
an administrator. So a compromised pipeline can't widen its own way in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from components.catalogue import (
    PARAMETERS,
    Bucket,
    Maker,
    Parameter,
    Reader,
    Workload,
    parameters_read_by,
    secrets_made_by,
    secrets_read_by,
)
from components.iam_documents import Statement
from components.naming import Names
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


def preview_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what a preview may do: read what the program manages, and no secret value."""
    return [
        *_look(names, settings),
        *_read_parameters(names, parameters_read_by(Reader.CI_PREVIEW)),
    ]


def deploy_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what a deploy may do: read what the program manages and change it, without IAM's own foundations."""
    roles = [*map(names.role_arn, workload_role_names(names))]
    boundary = {"StringEquals": {"iam:PermissionsBoundary": names.policy_arn(workload_boundary_name(names))}}
    buckets = [names.bucket_arn(bucket.name_in(names)) for bucket in Bucket]
    return [
        *_look(names, settings),
        Statement(
            "ManageDataBuckets",
            [
                "s3:CreateBucket",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutBucketVersioning",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
            ],
            buckets,
        ),
        Statement(
            "ManageSecretContainers",
            [
                "secretsmanager:CreateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:UntagResource",
                "secretsmanager:UpdateSecret",
            ],
            _made_secrets(names),
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
        Statement(
            "MakeBoundedRoles",
            ["iam:CreateRole", "iam:DeleteRolePolicy", "iam:PutRolePolicy"],
            roles,
            boundary,
        ),
        Statement("ManageRoles", ["iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateRole"], roles),
    ]


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


def workload_boundary_name(names: Names) -> str:
    """Return the name of the boundary of the workloads' roles."""
    return names.resource("workload", "boundary")


def ci_boundary_name(names: Names, reader: Reader) -> str:
    """Return the name of the boundary of one CI role."""
    return names.resource(reader, "boundary")


def workload_role_names(names: Names) -> list[str]:
    """Return the names of all roles that a deploy manages: those of the workloads and of the `.ork` processor."""
    return [
        *(role for workload in Workload for role in role_names(names, workload)),
        names.resource(Reader.ORK_PROCESSOR),
    ]


def _look(names: Names, settings: Settings) -> list[Statement]:
    """Return what the provider reads of this program's resources; no secret value is among it."""
    roles = [*workload_role_names(names), *(names.resource(reader) for reader in _CI_ROLES)]
    boundaries = [workload_boundary_name(names), *(ci_boundary_name(names, reader) for reader in _CI_ROLES)]
    return [
        Statement("LookAtBuckets", _BUCKET_READS, [names.bucket_arn(bucket.name_in(names)) for bucket in Bucket]),
        Statement(
            "LookAtSecretContainers",
            ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
            [names.secret_arn_pattern(secret.name(names)) for maker in Maker for secret in secrets_made_by(maker)],
        ),
        Statement("ListParameters", ["ssm:DescribeParameters"], ["*"]),
        Statement(
            "LookAtParameterTags",
            ["ssm:ListTagsForResource"],
            [names.parameter_arn(parameter.name(names)) for parameter in PARAMETERS],
        ),
        Statement(
            "LookAtRoles",
            ["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
            [*map(names.role_arn, roles)],
        ),
        Statement(
            "LookAtBoundaries",
            ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"],
            [*map(names.policy_arn, boundaries)],
        ),
        Statement(
            "LookAtTokenIssuer",
            ["iam:GetOpenIDConnectProvider"],
            [names.oidc_provider_arn(issuer(settings))],
        ),
    ]


def _made_secrets(names: Names) -> list[str]:
    return [names.secret_arn_pattern(secret.name(names)) for secret in secrets_made_by(Maker.PROGRAM)]


def _read_parameters(names: Names, parameters: Sequence[Parameter]) -> list[Statement]:
    arns = [names.parameter_arn(parameter.name(names)) for parameter in parameters]
    return [Statement("ReadParameters", ["ssm:GetParameter", "ssm:GetParameters"], arns)]


def issuer(settings: Settings) -> str:
    """Return the issuer of CircleCI's tokens, without `https://`.

    Source: https://circleci.com/docs/openid-connect-tokens/
    """
    return f"oidc.circleci.com/org/{settings.circleci_organization_id}"


_CI_ROLES: Final = (Reader.CI_PREVIEW, Reader.CI_DEPLOY, Reader.CI_DEPLOYER_TRIGGER)
