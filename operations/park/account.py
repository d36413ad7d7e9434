"""Reads from the account what parking stops or deletes and unparking starts again. Nothing here changes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from components.containers import SERVICES
from components.parameter_catalogue import PARK_MODE
from operations.aws import Aws, calls
from operations.stack import Stack

_METRIC_MINUTES: Final = 15
_GONE: Final = frozenset({"deleted", "failed"})
_PAGE: Final = {"PageSize": 100}
"""The most tasks that `describe_tasks` accepts at once."""


@dataclass(frozen=True)
class Service:
    """An ECS service: its wanted and actual numbers of tasks, and its target groups."""

    name: str
    desired: int
    running: int
    pending: int
    deployments: int
    target_groups: Sequence[str]


@dataclass(frozen=True)
class Database:
    """The database's cluster. `protected` means that AWS refuses to delete it."""

    status: str
    protected: bool


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of the database's cluster. `made` is when it was created, None if it isn't complete."""

    name: str
    status: str
    encrypted: bool
    version: str
    made: datetime | None

    @property
    def usable(self) -> bool:
        """Whether a database can be restored from it."""
        return self.status == "available" and self.encrypted


class Account:
    """The stack's account. Every method raises `Failure` if AWS refuses or doesn't answer."""

    def __init__(self, stack: Stack, aws: Aws) -> None:
        self.stack = stack
        self.secrets = aws.secrets()
        self._aws = aws
        self.cluster = stack.settings.cluster
        self.database_name = stack.names.resource("database")

    def marker(self) -> str:
        """Return the value of the park mode's marker; empty if there is none."""
        client, name = self._aws.parameters(), PARK_MODE.name(self.stack.names)
        with calls(name):
            try:
                return client.get_parameter(Name=name)["Parameter"]["Value"]
            except client.exceptions.ParameterNotFound:
                return ""

    def services(self) -> list[Service]:
        """Return the services that exist, in the order in which they start."""
        names = [self.stack.names.resource(workload) for workload in SERVICES]
        client = self._aws.client("ecs")
        with calls("the services"):
            try:
                found = client.describe_services(cluster=self.cluster, services=names)["services"]
            except client.exceptions.ClusterNotFoundException:
                return []
        by_name = {one["serviceName"]: _service(one) for one in found if one["status"] == "ACTIVE"}
        return [by_name[name] for name in names if name in by_name]

    def single_tasks(self) -> list[str]:
        """Return the tasks on the cluster that no service started, such as the deployer's: `family (status)`."""
        client = self._aws.client("ecs")
        with calls("the tasks"):
            try:
                pages = [*client.get_paginator("list_tasks").paginate(cluster=self.cluster, PaginationConfig=_PAGE)]
            except client.exceptions.ClusterNotFoundException:
                return []
            told = [
                task
                for page in pages
                if page["taskArns"]
                for task in client.describe_tasks(cluster=self.cluster, tasks=page["taskArns"])["tasks"]
            ]
        return sorted(
            f"{task['taskDefinitionArn'].rpartition('/')[2]} ({task['lastStatus'].lower()})"
            for task in told
            if not task.get("group", "").startswith("service:")
        )

    def database(self) -> Database | None:
        """Return the database, None if there is none."""
        client = self._aws.client("rds")
        with calls("the database"):
            try:
                (found,) = client.describe_db_clusters(DBClusterIdentifier=self.database_name)["DBClusters"]
            except client.exceptions.DBClusterNotFoundFault:
                return None
        return Database(found["Status"], bool(found.get("DeletionProtection")))

    def snapshot(self, name: str) -> Snapshot | None:
        """Return a snapshot of a database's cluster, None if there is none of that name."""
        client = self._aws.client("rds")
        with calls(f"the snapshot {name}"):
            try:
                (found,) = client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"]
            except client.exceptions.DBClusterSnapshotNotFoundFault:
                return None
        return _snapshot(found)

    def newest_backup(self) -> Snapshot | None:
        """Return the newest usable snapshot of the database, made by AWS or by hand; None if there is none."""
        pages = self._aws.client("rds").get_paginator("describe_db_cluster_snapshots")
        with calls("the backups"):
            found = [
                _snapshot(one)
                for page in pages.paginate(DBClusterIdentifier=self.database_name)
                for one in page["DBClusterSnapshots"]
            ]
        usable = [one for one in found if one.usable and one.made]
        return max(usable, key=lambda one: one.made or datetime.min, default=None)

    def measured(self, metric: str) -> float | None:
        """Return the last value of one of the database's metrics, None if the last minutes have none.

        Source: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
        """
        now = datetime.now(UTC)
        with calls(f"the metric {metric}"):
            points = self._aws.client("cloudwatch").get_metric_statistics(
                Namespace="AWS/RDS",
                MetricName=metric,
                Dimensions=[{"Name": "DBClusterIdentifier", "Value": self.database_name}],
                StartTime=now - timedelta(minutes=_METRIC_MINUTES),
                EndTime=now,
                Period=60,
                Statistics=["Maximum"],
            )["Datapoints"]
        last = max(points, key=lambda point: point["Timestamp"], default=None)
        return float(last["Maximum"]) if last else None

    def nat_gateways(self) -> list[str]:
        """Return the ids of the NAT gateways that exist or are being created or deleted."""
        pages = self._aws.client("ec2").get_paginator("describe_nat_gateways")
        with calls("the NAT gateways"):
            return [
                gateway["NatGatewayId"]
                for page in pages.paginate(Filters=self._nat_names())
                for gateway in page["NatGateways"]
                if gateway["State"] not in _GONE
            ]

    def addresses(self) -> list[str]:
        """Return the public addresses that are allocated for NAT gateways."""
        with calls("the addresses"):
            found = self._aws.client("ec2").describe_addresses(Filters=self._nat_names())["Addresses"]
        return [address["PublicIp"] for address in found]

    def unhealthy_targets(self, service: Service) -> list[str]:
        """Return the states of a service's targets that aren't healthy; `none` for a group without targets."""
        states = []
        for group in service.target_groups:
            with calls(f"the targets of {service.name}"):
                told = self._aws.balancers().describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
            states += [target["TargetHealth"]["State"] for target in told] or ["none"]
        return [state for state in states if state != "healthy"]

    def _nat_names(self) -> list[Mapping[str, Any]]:
        zones = self.stack.settings.zones
        return [{"Name": "tag:Name", "Values": [self.stack.names.resource("nat", zone) for zone in zones]}]


def _service(found: Mapping[str, Any]) -> Service:
    groups = [balancer["targetGroupArn"] for balancer in found["loadBalancers"] if "targetGroupArn" in balancer]
    counts = (found["desiredCount"], found["runningCount"], found["pendingCount"])
    return Service(found["serviceName"], *counts, len(found["deployments"]), groups)


def _snapshot(found: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        found["DBClusterSnapshotIdentifier"],
        found["Status"],
        bool(found.get("StorageEncrypted")),
        found.get("EngineVersion", ""),
        found.get("SnapshotCreateTime"),
    )
