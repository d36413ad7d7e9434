"""Actions that need more care than their access level says, and how they combine into more power.

Kept by hand, from: policy_sentry's audit lists, the escalation methods of cloudsplaining 0.9.1 and of pathfinding.cloud
(Rhino Security Labs' methods among them), and the service authorization reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from policies.least_privilege import knowledge


def _grouped(text: str) -> Mapping[str, tuple[str, ...]]:
    """Read lines of `service: Action Action ...`."""
    lines = (line.partition(":") for line in text.lower().split("\n") if ":" in line)
    return {service.strip(): tuple(actions.split()) for service, _, actions in lines}


_CATEGORIES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    # The answer holds credentials, or the request makes new ones. Not ecr:GetAuthorizationToken and
    # sts:GetSessionToken, which give the caller nothing that it hasn't got.
    "credentials": _grouped(
        """
        acm: ExportCertificate
        chime: CreateApiKey
        codepipeline: PollForJobs
        cognito-idp: AssociateSoftwareToken DescribeUserPoolClient
        cognito-identity: GetOpenIdToken GetOpenIdTokenForDeveloperIdentity GetCredentialsForIdentity
        connect: GetFederationToken
        ec2: GetPasswordData
        ecr-public: GetAuthorizationToken
        gamelift: RequestUploadCredentials GetComputeAuthToken GetInstanceAccess
        iam: CreateAccessKey CreateLoginProfile UpdateLoginProfile CreateServiceSpecificCredential \
 ResetServiceSpecificCredential UpdateAccessKey UploadSSHPublicKey UploadSigningCertificate
        lightsail: GetInstanceAccessDetails GetRelationalDatabaseMasterUserPassword DownloadDefaultKeyPair \
 CreateKeyPair GetKeyPair CreateBucketAccessKey GetBucketAccessKeys
        mediapackage: RotateChannelCredentials RotateIngestEndpointCredentials
        airflow: CreateCliToken CreateWebLoginToken
        rds-db: connect
        redshift: GetClusterCredentials GetClusterCredentialsWithIAM CreateClusterUser
        redshift-serverless: GetCredentials
        sagemaker: CreatePresignedDomainUrl CreatePresignedNotebookInstanceUrl
        snowball: GetJobUnlockCode
        sts: AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity GetFederationToken
        transfer: ImportSshPublicKey
        """
    ),
    # Contents, not descriptions.
    "data": _grouped(
        """
        athena: GetQueryResults GetQueryResultsStream
        backup: GetRecoveryPointRestoreMetadata
        bedrock: InvokeModel InvokeModelWithResponseStream
        cassandra: Select
        cloudformation: GetTemplate
        codecommit: GitPull GetFile GetBlob GetFolder
        dax: BatchGetItem GetItem Query Scan
        dynamodb: BatchGetItem GetItem Query Scan GetRecords PartiQLSelect ExportTableToPointInTime
        ebs: GetSnapshotBlock
        ec2: GetConsoleOutput GetConsoleScreenshot GetPasswordData
        ecr: BatchGetImage GetDownloadUrlForLayer BatchCheckLayerAvailability
        elasticfilesystem: ClientMount ClientRootAccess
        es: ESHttpGet ESHttpPost
        aoss: APIAccessAll
        glacier: GetJobOutput GetVaultLock
        glue: GetTable GetTables GetPartition GetPartitions GetDatabase GetDatabases GetConnection GetConnections
        kafka-cluster: ReadData
        kinesis: GetRecords SubscribeToShard
        kinesisvideo: GetMedia GetMediaForFragmentList GetClip
        kms: Decrypt ReEncryptFrom GenerateDataKey
        lambda: GetFunction GetLayerVersion
        logs: GetLogEvents FilterLogEvents StartQuery GetQueryResults GetLogRecord StartLiveTail Unmask
        qldb: PartiQLSelect
        rds: DownloadCompleteDBLogFile DownloadDBLogFilePortion
        rds-data: ExecuteStatement ExecuteSql BatchExecuteStatement
        redshift-data: ExecuteStatement GetStatementResult
        s3: GetObject GetObjectVersion GetObjectTorrent ListBucket ListBucketVersions GetObjectVersionTorrent
        s3express: CreateSession
        s3-object-lambda: GetObject GetObjectVersion
        sdb: Select
        secretsmanager: GetSecretValue
        sqs: ReceiveMessage
        ssm: GetParameter GetParameters GetParametersByPath GetParameterHistory
        support: DescribeCommunications
        workmailmessageflow: GetRawMessageContent
        workdocs: GetDocumentVersion
        """
    ),
    # Reads that data-exfiltration names: what they return can be anything, secrets and personal data first.
    "exfiltration": _grouped(
        """
        dynamodb: Scan Query GetItem BatchGetItem ExportTableToPointInTime
        ebs: GetSnapshotBlock
        rds: CopyDBSnapshot CreateDBSnapshot
        s3: GetObject GetObjectVersion
        secretsmanager: GetSecretValue
        ssm: GetParameter GetParameters GetParametersByPath GetParameterHistory
        """
    ),
    # Sharing that AWS's level "Permissions management" doesn't hold.
    "exposure": _grouped(
        """
        ec2: ModifySnapshotAttribute ModifyImageAttribute ModifyVpcEndpointServicePermissions
        kms: CreateGrant PutKeyPolicy
        lambda: AddPermission AddLayerVersionPermission CreateFunctionUrlConfig UpdateFunctionUrlConfig
        rds: ModifyDBSnapshotAttribute ModifyDBClusterSnapshotAttribute
        route53domains: DisableDomainTransferLock RetrieveDomainAuthCode TransferDomainToAnotherAwsAccount
        s3: PutObjectAcl PutObjectVersionAcl
        ses: PutIdentityPolicy
        sns: AddPermission SetTopicAttributes
        sqs: AddPermission SetQueueAttributes
        ssm: ModifyDocumentPermission
        """
    ),
    # Copies of disks and databases for whichever account is named.
    "sharing": _grouped(
        """
        ec2: ModifySnapshotAttribute ModifyImageAttribute
        rds: ModifyDBSnapshotAttribute ModifyDBClusterSnapshotAttribute
        """
    ),
    # They write permissions of a principal, at whatever scope: safe only within a boundary or for named policies.
    "grants": _grouped(
        """
        iam: PutRolePolicy AttachRolePolicy PutUserPolicy AttachUserPolicy PutGroupPolicy AttachGroupPolicy \
 CreatePolicyVersion SetDefaultPolicyVersion AddUserToGroup UpdateAssumeRolePolicy PutRolePermissionsBoundary \
 PutUserPermissionsBoundary DeleteRolePermissionsBoundary DeleteUserPermissionsBoundary
        sso: AttachManagedPolicyToPermissionSet AttachCustomerManagedPolicyReferenceToPermissionSet \
 PutInlinePolicyToPermissionSet
        """
    ),
    # They blind those who watch the account, or take it out of its organization's guard rails.
    "audit": _grouped(
        """
        access-analyzer: DeleteAnalyzer
        cloudtrail: DeleteEventDataStore DeleteTrail PutEventSelectors StopLogging UpdateTrail
        config: DeleteConfigurationRecorder DeleteDeliveryChannel StopConfigurationRecorder
        detective: DeleteGraph
        ec2: DeleteFlowLogs
        guardduty: DeleteDetector DeletePublishingDestination DisassociateFromAdministratorAccount \
 DisassociateFromMasterAccount StopMonitoringMembers UpdateDetector
        inspector2: Disable
        macie2: DisableMacie
        organizations: LeaveOrganization
        s3: BypassGovernanceRetention
        securityhub: DisableSecurityHub
        """
    ),
    # They make or change a person's credentials: safe only for the caller's own user.
    "logins": _grouped(
        """
        cognito-idp: AdminSetUserPassword
        iam: CreateAccessKey CreateLoginProfile UpdateLoginProfile
        """
    ),
    # What they act on is made by the call, and AWS or its owner names it; or they tell nothing worth a bound.
    "harmless": _grouped(
        """
        iam: CreateVirtualMFADevice
        logs: CreateDelivery CreateLogGroup
        s3: GetBucketLocation
        """
    ),
    # The resource that they may take is a filter or an extra (a lexicon, a billing view); without it they speak of the
    # account, or of what the caller sends.
    "filters": _grouped(
        """
        budgets: ViewBudget DescribeBudgetAction DescribeBudgetActionsForBudget
        ce: GetCostAndUsage GetCostAndUsageComparisons GetCostAndUsageWithResources GetCostCategories \
 GetCostComparisonDrivers GetCostForecast GetDimensionValues GetTags GetUsageForecast
        cloudtrail: GetTrailStatus
        comprehend: DetectEntities
        iam: GenerateServiceLastAccessedDetails
        polly: SynthesizeSpeech StartSpeechSynthesisStream
        rds: DescribeDBClusters DescribeDBClusterSnapshots DescribeDBInstances DescribeDBSnapshots \
 DescribeDBParameterGroups DescribeDBClusterParameterGroups DescribeDBSecurityGroups DescribeDBSubnetGroups \
 DescribeEventSubscriptions DescribeOptionGroups DescribePendingMaintenanceActions DescribeReservedDBInstances
        ecs: RegisterTaskDefinition
        logs: GetQueryResults
        rekognition: DetectModerationLabels
        route53: GetChange
        s3: GetBucketLocation
        securityhub: GetFindings
        servicediscovery: DiscoverInstances DiscoverInstancesRevision
        ssm: UpdateInstanceInformation UpdateInstanceAssociationStatus PutComplianceItems
        translate: TranslateText TranslateDocument
        """
    ),
    # Permissions management that decides about the caller alone, or that AWS's own services ask of everybody.
    "ordinary": _grouped(
        """
        ecr: GetAuthorizationToken
        lakeformation: GetDataAccess
        ram: GetResourceShareAssociations
        s3: ObjectOwnerOverrideToBucketOwner
        waf: GetChangeToken
        waf-regional: GetChangeToken
        """
    ),
}


@lru_cache(4096)
def mask(service: knowledge.Service, category: str) -> int:
    """Return the actions of a service that belong to a category."""
    result = 0
    for action in _CATEGORIES[category].get(service.prefix, ()):
        result |= service.mask(action)
    return result


def tags(action: str) -> bool:
    """Tell whether an action, by its name in lower case, writes or removes tags."""
    service, granted = knowledge.named(action)
    return bool(service and granted & service.levels["Tagging"])


_LISTING: Final = ("describe", "list")
_READING: Final = ("get", "view", "lookup", "search", "query", "batchget", "batchdescribe")


@lru_cache(1024)
def surveys(service: knowledge.Service) -> int:
    """Return the reads of descriptions, data left out, for which `*` is ordinary.

    These are descriptions and lists, and the verbs of a service of which hardly any action takes a resource: who reads
    what is there reads all of it. The few that do take one aren't worth a longer policy.
    """
    reading = (service.levels["List"] | service.levels["Read"]) & ~mask(service, "data") & ~mask(service, "credentials")
    found = (reading & ~service.typed) | mask(service, "filters")
    for verb in _LISTING:
        found |= service.beginning(verb) & reading
    for verb in _READING:
        family = service.beginning(verb) & reading
        if 4 * (family & service.typed).bit_count() <= family.bit_count():
            found |= family
    return found


@lru_cache(1024)
def managing(service: knowledge.Service) -> int:
    """Return the actions that remove what is there, change code, or decide who may do what."""
    removing = service.beginning("delete") & ~service.beginning("deletemessage")  # to take a message is to use a queue
    return deciding(service) | removing | service.mask("update*code")


@lru_cache(1024)
def deciding(service: knowledge.Service) -> int:
    """Return the actions that decide who may do what."""
    return (service.levels["Permissions management"] | mask(service, "exposure")) & ~mask(service, "ordinary")


class Escalation(NamedTuple):
    """A way to more permissions: each of `wide` granted without a bound on the resource, each of `some` at all."""

    id: str
    wide: tuple[str, ...]
    some: tuple[str, ...]


def _passing(name: str, *some: str) -> Escalation:
    """A service is made to run something with a role that is passed to it."""
    return Escalation(name, ("iam:PassRole",), some)


ESCALATIONS: Final[tuple[Escalation, ...]] = (
    # An administrator of the cluster, by an entry for whomever the caller names.
    Escalation("cluster-access", (), ("eks:CreateAccessEntry", "eks:AssociateAccessPolicy")),
    # Permissions that the caller can give to itself.
    *(
        Escalation(name, wide, ())
        for name, wide in (
            ("create-access-key", ("iam:CreateAccessKey",)),
            ("create-login-profile", ("iam:CreateLoginProfile",)),
            ("update-login-profile", ("iam:UpdateLoginProfile",)),
            ("add-user-to-group", ("iam:AddUserToGroup",)),
            ("create-policy-version", ("iam:CreatePolicyVersion",)),
            ("set-default-policy-version", ("iam:SetDefaultPolicyVersion",)),
            ("attach-user-policy", ("iam:AttachUserPolicy",)),
            ("attach-group-policy", ("iam:AttachGroupPolicy",)),
            ("attach-role-policy", ("iam:AttachRolePolicy",)),
            ("put-user-policy", ("iam:PutUserPolicy",)),
            ("put-group-policy", ("iam:PutGroupPolicy",)),
            ("put-role-policy", ("iam:PutRolePolicy",)),
            ("update-trust", ("iam:UpdateAssumeRolePolicy",)),
            ("delete-role-boundary", ("iam:DeleteRolePermissionsBoundary",)),
            ("delete-user-boundary", ("iam:DeleteUserPermissionsBoundary",)),
            # Code that runs with the role of something that is there already.
            ("update-function-code", ("lambda:UpdateFunctionCode",)),
            ("update-function-layers", ("lambda:UpdateFunctionConfiguration",)),
            ("update-dev-endpoint", ("glue:UpdateDevEndpoint",)),
            ("update-glue-job", ("glue:UpdateJob",)),
            ("execute-command", ("ecs:ExecuteCommand",)),
            ("send-ssh-key", ("ec2-instance-connect:SendSSHPublicKey",)),
            ("serial-console", ("ec2-instance-connect:SendSerialConsoleSSHPublicKey",)),
            ("start-session", ("ssm:StartSession",)),
            ("send-command", ("ssm:SendCommand",)),
            ("start-automation", ("ssm:StartAutomationExecution",)),
            ("change-user-data", ("ec2:ModifyInstanceAttribute", "ec2:StartInstances", "ec2:StopInstances")),
            ("change-launch-template", ("ec2:CreateLaunchTemplateVersion", "ec2:ModifyLaunchTemplate")),
            ("change-set", ("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet")),
            ("update-stack", ("cloudformation:UpdateStack",)),
            ("update-stack-set", ("cloudformation:UpdateStackSet",)),
            ("presigned-notebook", ("sagemaker:CreatePresignedNotebookInstanceUrl",)),
            ("presigned-domain", ("sagemaker:CreatePresignedDomainUrl",)),
            (
                "notebook-lifecycle",
                ("sagemaker:UpdateNotebookInstance", "sagemaker:CreateNotebookInstanceLifecycleConfig"),
            ),
            ("update-app-runner", ("apprunner:UpdateService",)),
            ("start-build", ("codebuild:StartBuild",)),
            ("start-build-batch", ("codebuild:StartBuildBatch",)),
            ("update-project", ("codebuild:UpdateProject",)),
            ("code-interpreter", ("bedrock-agentcore:InvokeCodeInterpreter",)),
        )
    ),
    Escalation("assume-any-role", ("sts:AssumeRole",), ()),
    # Roles that can be passed to something the caller controls.
    _passing("pass-to-instance", "ec2:RunInstances"),
    _passing("pass-to-spot-instance", "ec2:RequestSpotInstances"),
    _passing("pass-to-fleet", "ec2:CreateFleet"),
    _passing("pass-by-profile", "ec2:AssociateIamInstanceProfile"),
    _passing("pass-to-function", "lambda:CreateFunction", "lambda:InvokeFunction"),
    _passing("pass-to-function-by-event", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"),
    _passing("pass-to-function-by-permission", "lambda:CreateFunction", "lambda:AddPermission"),
    _passing("pass-to-function-by-url", "lambda:CreateFunction", "lambda:CreateFunctionUrlConfig"),
    _passing("pass-to-dev-endpoint", "glue:CreateDevEndpoint"),
    _passing("pass-to-glue-job", "glue:CreateJob", "glue:StartJobRun"),
    _passing("pass-to-glue-trigger", "glue:CreateJob", "glue:CreateTrigger"),
    _passing("pass-to-changed-glue-job", "glue:UpdateJob", "glue:StartJobRun"),
    _passing("pass-to-glue-session", "glue:CreateSession", "glue:RunStatement"),
    _passing("pass-to-stack", "cloudformation:CreateStack"),
    _passing("pass-to-stack-update", "cloudformation:UpdateStack"),
    _passing("pass-to-stack-set", "cloudformation:CreateStackSet", "cloudformation:CreateStackInstances"),
    _passing("pass-to-change-set", "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
    _passing("pass-to-pipeline", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"),
    _passing("pass-to-build", "codebuild:CreateProject"),
    _passing("pass-to-build-update", "codebuild:UpdateProject"),
    _passing("pass-to-codestar", "codestar:CreateProject"),
    _passing("pass-to-task", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
    _passing("pass-to-task-start", "ecs:RegisterTaskDefinition", "ecs:StartTask"),
    _passing("pass-to-service", "ecs:RegisterTaskDefinition", "ecs:CreateService"),
    _passing("pass-to-service-update", "ecs:RegisterTaskDefinition", "ecs:UpdateService"),
    _passing("pass-to-task-override", "ecs:RunTask"),
    _passing("pass-to-app-runner", "apprunner:CreateService"),
    _passing("pass-to-code-interpreter", "bedrock-agentcore:CreateCodeInterpreter"),
    _passing("pass-to-agent-runtime", "bedrock-agentcore:CreateAgentRuntime"),
    _passing("pass-to-notebook", "sagemaker:CreateNotebookInstance"),
    _passing("pass-to-training", "sagemaker:CreateTrainingJob"),
    _passing("pass-to-processing", "sagemaker:CreateProcessingJob"),
    _passing("pass-to-studio", "sagemaker:CreateDomain"),
    _passing("pass-to-user-profile", "sagemaker:CreateUserProfile"),
    _passing("pass-to-state-machine", "states:CreateStateMachine", "states:StartExecution"),
    _passing("pass-to-schedule", "scheduler:CreateSchedule"),
    _passing("pass-to-pipe", "pipes:CreatePipe"),
    _passing("pass-to-job-definition", "batch:RegisterJobDefinition", "batch:SubmitJob"),
    _passing("pass-to-cluster", "elasticmapreduce:RunJobFlow"),
    _passing("pass-to-serverless-cluster", "emr-serverless:StartJobRun"),
    _passing("pass-to-automation", "ssm:StartAutomationExecution"),
    _passing("pass-to-maintenance-window", "ssm:RegisterTaskWithMaintenanceWindow"),
    _passing("pass-to-imagebuilder", "imagebuilder:CreateInfrastructureConfiguration"),
    _passing("pass-to-pod", "eks:CreatePodIdentityAssociation"),
    _passing("pass-to-auto-scaling", "autoscaling:CreateAutoScalingGroup"),
    _passing("pass-to-launch-configuration", "autoscaling:CreateLaunchConfiguration"),
    _passing("pass-to-code-pipeline", "codepipeline:CreatePipeline"),
    _passing("pass-to-deployment", "codedeploy:CreateDeploymentGroup"),
    _passing("pass-to-amplify", "amplify:CreateApp"),
    _passing("pass-to-greengrass", "greengrass:AssociateRoleToGroup"),
    _passing("pass-to-appsync", "appsync:CreateDataSource"),
    _passing("pass-to-gamelift", "gamelift:CreateFleet"),
    _passing("pass-to-proton", "proton:CreateService"),
)
"""What each needs is as little as possible, so that a superset of a known method is one of these."""

SHELLS: Final = tuple(
    f"document/aws-{name}"
    for name in ("runshellscript", "runpowershellscript", "runremotescript", "runansibleplaybook", "runsaltstate")
)
"""Documents that run whatever the caller sends, as root
(https://docs.aws.amazon.com/systems-manager/latest/userguide/security-best-practices.html)."""


class Pair(NamedTuple):
    """Actions that use a resource of a service, and actions that write what it is or who may use it."""

    uses: tuple[str, ...]
    writes: tuple[str, ...]


_DOCUMENTS: Final = ("ssm:CreateDocument", "ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion")

ON_ONE_RESOURCE: Final[Mapping[str, Pair]] = {
    "ec2": Pair(("ec2:StartInstances",), ("ec2:ModifyInstanceAttribute",)),
    "ssm": Pair(("ssm:SendCommand", "ssm:StartAutomationExecution"), _DOCUMENTS),
    "sts": Pair(("sts:AssumeRole",), ("iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePolicy")),
}
"""Service -> what, done to one resource, is a way to more permissions."""

BOUND_BY: Final[Mapping[str, Pair]] = {
    "cloudformation:templateurl": Pair(
        tuple(f"cloudformation:{name}" for name in ("CreateStack", "UpdateStack", "CreateChangeSet", "CreateStackSet")),
        ("s3:PutObject",),
    ),
    "ec2:launchtemplate": Pair(("ec2:RunInstances",), ("ec2:CreateLaunchTemplateVersion",)),
    "iam:policyarn": Pair(
        ("iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy"),
        ("iam:CreatePolicy", "iam:CreatePolicyVersion"),
    ),
    "lambda:layer": Pair(
        ("lambda:UpdateFunctionConfiguration", "lambda:CreateFunction"), ("lambda:PublishLayerVersion",)
    ),
}
"""Condition key -> actions that it binds to something, and actions that write what they are bound to."""

SEPARATE_DUTIES: Final[Mapping[str, Pair]] = {
    "acm-pca": Pair(("acm-pca:IssueCertificate",), ("acm-pca:PutPolicy", "acm-pca:CreatePermission")),
    "backup": Pair(("backup:StartBackupJob",), ("backup:PutBackupVaultAccessPolicy",)),
    "dynamodb": Pair(("dynamodb:GetItem", "dynamodb:PutItem"), ("dynamodb:PutResourcePolicy",)),
    "ecr": Pair(("ecr:BatchDeleteImage", "ecr:BatchGetImage", "ecr:PutImage"), ("ecr:SetRepositoryPolicy",)),
    "elasticfilesystem": Pair(("elasticfilesystem:ClientMount",), ("elasticfilesystem:PutFileSystemPolicy",)),
    "events": Pair(("events:PutEvents",), ("events:PutPermission",)),
    "glue": Pair(("glue:GetTable", "glue:GetDatabase"), ("glue:PutResourcePolicy",)),
    "kinesis": Pair(("kinesis:GetRecords", "kinesis:PutRecord"), ("kinesis:PutResourcePolicy",)),
    "kms": Pair(("kms:Decrypt", "kms:Encrypt"), ("kms:PutKeyPolicy",)),
    "lambda": Pair(
        ("lambda:InvokeFunction", "lambda:UpdateFunctionCode"),
        ("lambda:AddPermission", "lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig"),
    ),
    "s3": Pair(
        ("s3:GetObject", "s3:PutObject"),
        ("s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketPublicAccessBlock"),
    ),
    "s3tables": Pair(
        ("s3tables:GetTableData", "s3tables:PutTableData"), ("s3tables:PutTableBucketPolicy", "s3tables:PutTablePolicy")
    ),
    "secretsmanager": Pair(
        ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"), ("secretsmanager:PutResourcePolicy",)
    ),
    "sns": Pair(("sns:Publish",), ("sns:AddPermission", "sns:SetTopicAttributes")),
    "sqs": Pair(("sqs:ReceiveMessage", "sqs:SendMessage"), ("sqs:AddPermission", "sqs:SetQueueAttributes")),
}
"""Service -> what makes a resource's user the one who decides who else may use it, which is an administrator's
(https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html)."""
