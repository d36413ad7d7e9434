"""The database that this program creates: Aurora PostgreSQL, Serverless v2, in generations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components.kept_secret import kept_secret
from components.members import DATABASE_PORT
from components.naming import Names, database_log_group, final_snapshot
from components.settings import Settings

ADMINISTRATOR_SECRET: Final = "db/admin"
_ENGINE: Final = "aurora-postgresql"
_PAUSE_SECONDS: Final = 300
_LOGS: Final = ("postgresql", "iam-db-auth-error")
"""The logs that go to CloudWatch. Aurora would create the log groups itself, but they would keep logs forever."""
_LOG_DAYS: Final = 90
_BACKUP_DAYS: Final = {True: 14, False: 7}
"""Whether the database is protected -> for how many days any point in time can be restored."""


@dataclass(frozen=True)
class DatabaseArgs:
    """The settings describe it and what it starts from; `protect` protects it until they allow its deletion."""

    names: Names
    settings: Settings
    subnet_ids: Sequence[pulumi.Input[str]]
    group_id: pulumi.Input[str]
    protect: bool


class Database(pulumi.ComponentResource):
    """A cluster with one instance. Generation N leaves the snapshot `${environment}-database-gN-final`.

    While the platform is parked, the database pauses when nobody is connected, or cluster and instance are deleted. The
    resources around them stay, including the logs.

    A new cluster starts from the snapshot of the generation before it, or empty. Once a cluster exists, changes of the
    snapshot and of the engine's version are ignored: a changed snapshot would replace the cluster
    (https://github.com/hashicorp/terraform-provider-aws/issues/29409), and AWS raises minor versions itself.
    """

    host: pulumi.Output[str] | None = None
    """None while there is no cluster."""

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("guarded:database:Database", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = args.names.tags("database")
        subnets = aws.rds.SubnetGroup(
            name,
            name=name,
            description="Subnets without a way out of the VPC",
            subnet_ids=list(args.subnet_ids),
            tags=tags,
            opts=child,
        )
        parameters, logs = self._parameters(name, args), self._logs(args.names, name)
        if args.settings.has_database:
            cluster = self._cluster(name, args, subnets.name, parameters, logs)
            aws.rds.ClusterInstance(
                name,
                identifier=f"{name}-1",
                cluster_identifier=cluster.cluster_identifier,
                engine=aws.rds.EngineType.AURORA_POSTGRESQL,
                instance_class="db.serverless",
                auto_minor_version_upgrade=True,
                ca_cert_identifier="rds-ca-rsa2048-g1",
                publicly_accessible=False,
                db_subnet_group_name=subnets.name,
                tags=tags,
                opts=child,
            )
            self.host = cluster.endpoint
        self.register_outputs({"host": self.host})

    def _cluster(
        self,
        name: str,
        args: DatabaseArgs,
        subnets: pulumi.Input[str],
        parameters: pulumi.Input[str],
        logs: list[aws.cloudwatch.LogGroup],
    ) -> aws.rds.Cluster:
        """Return the cluster in a subnet group, with a parameter group, created after its log groups."""
        names, settings = args.names, args.settings
        tags = names.tags("database")
        guarded = args.protect and not settings.database_deletable
        return aws.rds.Cluster(
            name,
            # The host follows from this name and is part of the applications' URLs, so all generations have the same.
            cluster_identifier=name,
            engine=_ENGINE,
            engine_version=settings.database_engine_version,
            serverlessv2_scaling_configuration=_capacity(settings),
            master_username=settings.database_administrator,
            master_password_wo=_administrator_password(names, settings),
            master_password_wo_version=settings.secrets_revision,
            port=DATABASE_PORT,
            db_subnet_group_name=subnets,
            db_cluster_parameter_group_name=parameters,
            vpc_security_group_ids=[args.group_id],
            auto_minor_version_upgrade=True,
            storage_encrypted=True,
            iam_database_authentication_enabled=True,
            backup_retention_period=_BACKUP_DAYS[args.protect],
            delete_automated_backups=False,
            copy_tags_to_snapshot=True,
            database_insights_mode="standard",
            enabled_cloudwatch_logs_exports=[*_LOGS],
            deletion_protection=guarded,
            # Otherwise a changed password waits for the maintenance window. If the database isn't guarded, changes do
            # wait: applied at once, a deletion would also switch off a protection that somebody set by hand.
            apply_immediately=guarded,
            skip_final_snapshot=False,
            final_snapshot_identifier=final_snapshot(name, settings.database_generation),
            snapshot_identifier=settings.start_snapshot(name),
            tags=tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=guarded,
                depends_on=logs,
                ignore_changes=["snapshot_identifier", "engine_version"],
            ),
        )

    def _logs(self, names: Names, name: str) -> list[aws.cloudwatch.LogGroup]:
        return [
            aws.cloudwatch.LogGroup(
                names.resource("database", log),
                name=database_log_group(name, log),
                retention_in_days=_LOG_DAYS,
                tags=names.tags("database"),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for log in _LOGS
        ]

    def _parameters(self, name: str, args: DatabaseArgs) -> pulumi.Output[str]:
        """Return the name of the cluster's parameter group, which refuses connections without TLS."""
        family = f"{_ENGINE}{args.settings.database_engine_version.partition('.')[0]}"
        return aws.rds.ClusterParameterGroup(
            name,
            # AWS doesn't delete a group that a cluster uses, and another family replaces the group.
            name=args.names.replaceable("database", family),
            family=family,
            description="Connections by TLS only",
            parameters=[
                aws.rds.ClusterParameterGroupParameterArgs(name="rds.force_ssl", value="1", apply_method="immediate")
            ],
            tags=args.names.tags("database"),
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        ).name


def _capacity(settings: Settings) -> aws.rds.ClusterServerlessv2ScalingConfigurationArgs:
    """Return the range of the database's capacity; with a minimum of 0 it pauses while nobody is connected."""
    least = 0.0 if settings.parked else float(settings.database_minimum_capacity)
    return aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
        min_capacity=least,
        max_capacity=float(settings.database_maximum_capacity),
        seconds_until_auto_pause=None if least else _PAUSE_SECONDS,
    )


def _administrator_password(names: Names, settings: Settings) -> pulumi.Output[str]:
    """Return the password; a preview has a stand-in for it.

    It is a write-only argument: the provider compares only its version, so a stand-in makes no difference. The
    first value stays in the state all the same, encrypted
    (https://www.pulumi.com/docs/iac/concepts/secrets/#write-only-fields).
    """
    arn = names.secret_arn(names.secret(ADMINISTRATOR_SECRET))
    return kept_secret(arn, lambda stored: read_password(stored, settings.database_administrator))


def read_password(stored: str, administrator: str) -> str:
    """Return the password that a stored value holds.

    Raises:
        pulumi.RunError: the value isn't the JSON that `fill-secrets` writes, or belongs to another administrator.

    >>> read_password('{"username": "dbadmin", "password": "abc"}', "dbadmin")
    'abc'
    """
    try:
        account = json.loads(stored)
        user, password = str(account["username"]), str(account["password"])
    except (ValueError, TypeError, KeyError):
        user, password = "", ""
    if user != administrator or not password:
        raise pulumi.RunError(
            f"The secret {ADMINISTRATOR_SECRET} has no password of {administrator}; accepted: JSON with `username` "
            f"{administrator} and `password`, as `fill-secrets --admin-user {administrator}` writes it."
        )
    return password
