"""What CI may do, with a separate role, to the workloads that this program creates: one row for each purpose.

CI doesn't manage the surroundings of entry points and services: an administrator creates VPC, subnets, route tables,
the cluster, the private names and the flow logs once. Nor can CI delete what holds data: the database and the log
groups. So the role fits into its boundary, and a mistake in a pull request can't delete the platform. The actions, and
the conditions that can narrow each, come from the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from components.catalogue import Reader, Workload, secrets_looked_up, secrets_read_by
from components.ci_function_permissions import (
    FEEDING_LOOK_GRANTS,
    FUNCTION_GRANTS,
    FUNCTION_LOOK_GRANTS,
    function_arns,
)
from components.ci_grants import SECURITY_GROUP_GRANTS, Grant, granted_statements, security_group_arns
from components.ci_state_permissions import state_statements
from components.containers import SERVICES
from components.iam_documents import Statement
from components.iam_names import role_names
from components.naming import Names, database_log_group
from components.parameter_catalogue import WIRING
from components.settings import Settings

NETWORK_GRANTS: Final = (
    Grant("MakeAddresses", "ec2", "AllocateAddress", "addresses", "tagged when made"),
    Grant("MakeNatGateways", "ec2", "CreateNatGateway", "NAT gateways", "tagged when made"),
    Grant("MakeNatGatewayInSubnet", "ec2", "CreateNatGateway", "addresses and subnets", "tagged"),
    Grant("TagNewWaysOut", "ec2", "CreateTags", "addresses and NAT gateways", "just made"),
    Grant(
        "ManageWaysOut",
        "ec2",
        "CreateRoute CreateTags DeleteNatGateway DeleteRoute DeleteTags DisassociateAddress ReleaseAddress"
        " ReplaceRoute",
        "ways out",
        "tagged",
    ),
    *SECURITY_GROUP_GRANTS,
)
"""Changes of the routes to the internet, which a parked platform doesn't have, and of who connects to whom."""
WORKLOAD_GRANTS: Final = (
    Grant("RegisterTasks", "ecs", "RegisterTaskDefinition TagResource UntagResource", "task definitions"),
    Grant("ManageServices", "ecs", "CreateService DeleteService TagResource UntagResource UpdateService", "services"),
    Grant(
        "ManageDatabase",
        "rds",
        "AddTagsToResource CreateDBCluster CreateDBClusterParameterGroup CreateDBInstance CreateDBSubnetGroup"
        " DeleteDBClusterParameterGroup ModifyDBCluster ModifyDBClusterParameterGroup ModifyDBInstance"
        " ModifyDBSubnetGroup RebootDBInstance RemoveTagsFromResource ResetDBClusterParameterGroup"
        " RestoreDBClusterFromSnapshot",
        "database",
    ),
    # Also required if a request names none:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/security_iam_id-based-policy-examples.html
    Grant(
        "UseDefaultGroups",
        "rds",
        "CreateDBCluster CreateDBInstance ModifyDBCluster ModifyDBInstance RestoreDBClusterFromSnapshot",
        "default groups",
    ),
    Grant("ManageLogGroups", "logs", "CreateLogGroup PutRetentionPolicy TagResource UntagResource", "log groups"),
    Grant(
        "ManageWiring",
        "ssm",
        "AddTagsToResource DeleteParameter GetParameter ListTagsForResource PutParameter RemoveTagsFromResource",
        "wiring",
    ),
    *FUNCTION_GRANTS,
)
LOOK_GRANTS: Final = (
    # None of these takes a resource.
    Grant(
        "LookAroundWorkloads",
        "ec2",
        "DescribeAddresses DescribeAddressesAttribute DescribeNatGateways DescribeNetworkInterfaces DescribeRouteTables"
        " DescribeSecurityGroupRules DescribeSecurityGroups ecs:DescribeTaskDefinition logs:DescribeLogGroups"
        " ssm:DescribeParameters",
        "anything",
    ),
    Grant(
        "LookAtServices",
        "ecs",
        "DescribeClusters DescribeServiceDeployments DescribeServices DescribeTasks ListServiceDeployments"
        " ListTagsForResource",
        "cluster and what runs there",
    ),
    Grant(
        "LookAtDatabase",
        "rds",
        "DescribeDBClusterParameterGroups DescribeDBClusterParameters DescribeDBClusters DescribeDBInstances"
        " DescribeDBSubnetGroups DescribeGlobalClusters ListTagsForResource",
        "database and global clusters",
    ),
    Grant("LookAtLogGroups", "logs", "ListTagsForResource", "log groups"),
    *FUNCTION_LOOK_GRANTS,
)
FOUNDATION_LOOK_GRANTS: Final = (
    # None of these takes a resource.
    Grant(
        "LookAroundNetwork",
        "ec2",
        "DescribeFlowLogs DescribeInternetGateways DescribeNetworkAcls DescribePrefixLists DescribeSubnets"
        " DescribeVpcEndpoints DescribeVpcs servicediscovery:ListTagsForResource",
        "anything",
    ),
    Grant("LookAtVpc", "ec2", "DescribeVpcAttribute", "vpc", "tagged"),
    Grant("LookAtNames", "servicediscovery", "GetNamespace GetService", "names", "tagged"),
    *FEEDING_LOOK_GRANTS,
)
"""Reads of the resources that an administrator creates, for the drift check."""


def workload_look_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return the statements that let the provider read the workloads, and `operations` what runs."""
    on_cluster = {"ArnEquals": {"ecs:cluster": names.cluster_arn(settings.cluster)}}
    return [
        *granted_statements(LOOK_GRANTS, names, settings, _arns(names, settings)),
        # On Fargate this action takes no resource; the cluster narrows it.
        Statement("ListTasks", ["ecs:ListTasks"], ["*"], on_cluster),
    ]


def foundation_look_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return the statements that let the provider read the surroundings of the workloads."""
    return granted_statements(FOUNDATION_LOOK_GRANTS, names, settings, _arns(names, settings))


def workload_change_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return the statements to change tasks, services, database, logs, injected parameters and the function."""
    return granted_statements(WORKLOAD_GRANTS, names, settings, _arns(names, settings))


def workload_deploy_statements(names: Names, settings: Settings) -> list[Statement]:
    """Return what else a deploy of the workloads may do: change routes and groups, pass roles, write the state.

    Each run of the program looks up the same secrets, whichever of CI's roles it has.
    """
    secrets = secrets_read_by(Reader.CI_WORKLOADS, here=True)
    return [
        *granted_statements(NETWORK_GRANTS, names, settings, _arns(names, settings)),
        Statement(
            "PassWorkloadRoles",
            ["iam:PassRole"],
            [names.role_arn(role) for workload in Workload for role in role_names(names, workload)],
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        ),
        Statement(
            "ReadItsSecrets",
            ["secretsmanager:GetSecretValue"],
            [names.secret_arn_pattern(secret.name(names)) for secret in secrets],
        ),
        Statement(
            "LookUpSecrets",
            ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
            [names.secret_arn_pattern(secret.name(names)) for secret in secrets_looked_up()],
        ),
        *state_statements(names, settings, writes=True),
    ]


def _arns(names: Names, settings: Settings) -> Mapping[str, Sequence[str]]:
    cluster = settings.cluster
    addresses, gateways = names.ec2_arn("elastic-ip/*"), names.ec2_arn("natgateway/*")
    database = _database_arns(names, settings)
    return {
        "anything": ["*"],
        "addresses": [addresses],
        "NAT gateways": [gateways],
        "addresses and subnets": [addresses, names.ec2_arn("subnet/*")],
        "addresses and NAT gateways": [addresses, gateways],
        "ways out": [addresses, gateways, names.ec2_arn("route-table/*")],
        **security_group_arns(names, settings),
        **function_arns(names, settings),
        "names": [*map(names.cloud_map_arn, ("namespace/*", "service/*"))],
        "task definitions": [names.task_definition_arn(names.resource(workload), "*") for workload in Workload],
        "services": [names.ecs_arn(f"service/{cluster}/{names.resource(workload)}") for workload in SERVICES],
        "cluster and what runs there": [
            names.cluster_arn(cluster),
            *(names.ecs_arn(f"{kind}/{cluster}/*") for kind in ("service", "service-deployment", "task")),
        ],
        "database": database,
        "database and global clusters": [*database, names.global_clusters_arn],
        "default groups": [*map(names.rds_arn, ("og:default:aurora-postgresql-*", "pg:default.aurora-postgresql*"))],
        "log groups": [
            names.log_groups_arn(names.task_log_group("")),
            names.log_groups_arn(database_log_group(names.resource("database"), "")),
        ],
        "wiring": [names.parameter_arn(parameter.name(names)) for parameter in WIRING],
    }


def _database_arns(names: Names, settings: Settings) -> list[str]:
    """Return the ARNs of the database's parts, and of the snapshots from which it can start."""
    name = names.resource("database")
    snapshots = [f"{name}-g*-final", *([settings.database_snapshot] if settings.database_snapshot else [])]
    return [
        *map(names.rds_arn, (f"cluster:{name}", f"db:{name}-1", f"subgrp:{name}", f"cluster-pg:{name}-????")),
        *(names.rds_arn(f"cluster-snapshot:{snapshot}") for snapshot in snapshots),
    ]
