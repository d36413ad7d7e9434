"""How actions combine to escalate privileges: the methods in `escalations.txt`, and pairs on one resource."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

_FILE: Final = Path(__file__).with_name("escalations.txt")


class Escalation(NamedTuple):
    """A method of privilege escalation. Actions are written `service:Action`."""

    id: str
    unbounded: tuple[str, ...]
    """Must be granted without a bound on the resource."""
    granted: tuple[str, ...]
    """Must be granted at all."""


@cache
def escalations() -> tuple[Escalation, ...]:
    """Return all methods, in the order of the file."""
    lines = (line.partition(":") for line in _FILE.read_text(encoding="utf-8").splitlines())
    return tuple(
        Escalation(id_, tuple(unbounded.split()), tuple(granted.split()))
        for id_, separator, actions in lines
        if separator and not id_.startswith("#")
        for unbounded, _, granted in [actions.partition("|")]
    )


SHELLS: Final = tuple(
    f"document/aws-{name}"
    for name in ("runshellscript", "runpowershellscript", "runremotescript", "runansibleplaybook", "runsaltstate")
)
"""Documents of Systems Manager that run whatever the caller sends, as root
(https://docs.aws.amazon.com/systems-manager/latest/userguide/security-best-practices.html)."""


class Pair(NamedTuple):
    """Actions that use a resource, and actions that change the resource or who can use it."""

    uses: tuple[str, ...]
    writes: tuple[str, ...]


def _pair(uses: str, writes: str) -> Pair:
    return Pair(tuple(uses.split()), tuple(writes.split()))


ON_ONE_RESOURCE: Final[Mapping[str, Pair]] = {
    "codebuild": _pair("codebuild:StartBuild codebuild:StartBuildBatch", "codebuild:UpdateProject"),
    "ec2": _pair("ec2:StartInstances", "ec2:ModifyInstanceAttribute"),
    "ssm": _pair(
        "ssm:SendCommand ssm:StartAutomationExecution",
        "ssm:CreateDocument ssm:UpdateDocument ssm:UpdateDocumentDefaultVersion",
    ),
    "sts": _pair("sts:AssumeRole", "iam:UpdateAssumeRolePolicy iam:AttachRolePolicy iam:PutRolePolicy"),
}
"""Service -> actions that allow privilege escalation when one of each is allowed on the same resource."""

BOUND_BY: Final[Mapping[str, Pair]] = {
    "cloudformation:templateurl": _pair(
        "cloudformation:CreateStack cloudformation:UpdateStack cloudformation:CreateChangeSet "
        "cloudformation:CreateStackSet",
        "s3:PutObject",
    ),
    "ec2:launchtemplate": _pair("ec2:RunInstances", "ec2:CreateLaunchTemplateVersion"),
    "iam:policyarn": _pair(
        "iam:AttachRolePolicy iam:AttachUserPolicy iam:AttachGroupPolicy", "iam:CreatePolicy iam:CreatePolicyVersion"
    ),
    "lambda:layer": _pair("lambda:UpdateFunctionConfiguration lambda:CreateFunction", "lambda:PublishLayerVersion"),
}
"""Condition key -> actions that it limits to some resource, and actions that write this resource."""

SEPARATE_DUTIES: Final[Mapping[str, Pair]] = {
    "acm-pca": _pair("acm-pca:IssueCertificate", "acm-pca:PutPolicy acm-pca:CreatePermission"),
    "backup": _pair("backup:StartBackupJob", "backup:PutBackupVaultAccessPolicy"),
    "dynamodb": _pair("dynamodb:GetItem dynamodb:PutItem", "dynamodb:PutResourcePolicy"),
    "ecr": _pair("ecr:BatchDeleteImage ecr:BatchGetImage ecr:PutImage", "ecr:SetRepositoryPolicy"),
    "elasticfilesystem": _pair("elasticfilesystem:ClientMount", "elasticfilesystem:PutFileSystemPolicy"),
    "events": _pair("events:PutEvents", "events:PutPermission"),
    "glue": _pair("glue:GetTable glue:GetDatabase", "glue:PutResourcePolicy"),
    "kinesis": _pair("kinesis:GetRecords kinesis:PutRecord", "kinesis:PutResourcePolicy"),
    "kms": _pair("kms:Decrypt kms:Encrypt", "kms:PutKeyPolicy"),
    "lambda": _pair(
        "lambda:InvokeFunction lambda:UpdateFunctionCode",
        "lambda:AddPermission lambda:CreateFunctionUrlConfig lambda:UpdateFunctionUrlConfig",
    ),
    "s3": _pair(
        "s3:GetObject s3:PutObject",
        "s3:PutBucketPolicy s3:DeleteBucketPolicy s3:PutBucketAcl s3:PutBucketPublicAccessBlock",
    ),
    "s3tables": _pair(
        "s3tables:GetTableData s3tables:PutTableData", "s3tables:PutTableBucketPolicy s3tables:PutTablePolicy"
    ),
    "secretsmanager": _pair(
        "secretsmanager:GetSecretValue secretsmanager:PutSecretValue", "secretsmanager:PutResourcePolicy"
    ),
    "sns": _pair("sns:Publish", "sns:AddPermission sns:SetTopicAttributes"),
    "sqs": _pair("sqs:ReceiveMessage sqs:SendMessage", "sqs:AddPermission sqs:SetQueueAttributes"),
}
"""Service -> actions that together let the user of a resource decide who else can use it, which is an administrator's
task (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html)."""
