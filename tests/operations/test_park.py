"""`park` and `unpark` on moto's account: what prevents them, what they apply, and what they check afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import boto3
import pytest
import yaml
from moto.backends import get_backend

from components.containers import SERVICES
from components.workload_settings import ELSEWHERE_KEYS
from operations import deploy
from operations.park import costs
from operations.stack import load
from tests.operations.cloud import ACCOUNT, REGION
from tests.operations.conftest import BY_HAND, Bench
from tests.owner import HERE, config, owned

CLUSTER: Final = "prod-services"
DATABASE: Final = "prod-database"
NETWORK: Final = "10.20.0.0/16"
OF_HERE: Final = (
    *("backstageImageDigest", "prefectImageDigest", "databaseGeneration", "databaseRestoreMode", "workloads"),
)


def client(service: str) -> Any:  # noqa: ANN401 - botocore makes it
    return boto3.client(service, REGION)  # type: ignore[call-overload]


def _snapshots() -> Any:  # noqa: ANN401 - moto's; loaded by the tests that need it, since that takes a second
    return get_backend("rds")[ACCOUNT][REGION].cluster_snapshots


@dataclass
class Platform:
    """A platform in moto's account, and the engine that parks and unparks it, or breaks off (`code`)."""

    bench: Bench
    code: int = 0
    updates: list[Sequence[str]] = field(default_factory=list)
    address: dict[str, str] = field(default_factory=dict)
    nat: str = ""
    subnet: str = ""

    def engine(self, command: Sequence[str], *_: object, **__: object) -> int:
        """Act as the Pulumi CLI: an update does what the stack's file says."""
        if command[1] == "up":
            self.updates.append(command)
            if self.code:
                return self.code
            (self.park if self.setting("parkMode") == "parked" else self.unpark)()
        return 0

    def setting(self, key: str) -> Any:  # noqa: ANN401 - as YAML has it
        return yaml.safe_load((self.bench.project / "Pulumi.prod.yaml").read_text())["config"].get(key)

    def make(self) -> None:
        """Create what a first deploy creates, as far as parking looks at it."""
        ecs, ec2 = client("ecs"), client("ec2")
        ecs.create_cluster(clusterName=CLUSTER)
        for workload in (*SERVICES, "prefect-deployer"):
            ecs.register_task_definition(
                family=f"prod-{workload}", containerDefinitions=[{"name": "one", "image": "one", "memory": 128}]
            )
        for workload in SERVICES:
            name = f"prod-{workload}"
            ecs.create_service(cluster=CLUSTER, serviceName=name, taskDefinition=name, desiredCount=0)
        vpc = ec2.create_vpc(CidrBlock=NETWORK)["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
        self.make_database()
        client("rds").create_db_cluster_snapshot(
            DBClusterIdentifier=DATABASE, DBClusterSnapshotIdentifier="backup-of-today"
        )
        self.unpark()

    def make_database(self) -> None:
        client("rds").create_db_cluster(
            DBClusterIdentifier=DATABASE,
            Engine="aurora-postgresql",
            EngineVersion="17.10",
            MasterUsername="dbadmin",
            MasterUserPassword="only-in-moto",
            StorageEncrypted=True,
        )
        # moto creates a backup at once, named after today.
        snapshots = _snapshots()
        for name in [name for name in snapshots if name.startswith("rds:")]:
            del snapshots[name]

    def unpark(self) -> None:
        ec2 = client("ec2")
        self.scale(1)
        tags = [{"Key": "Name", "Value": "prod-nat-a"}]
        self.address = ec2.allocate_address(
            Domain="vpc", TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags}]
        )
        self.nat = ec2.create_nat_gateway(
            SubnetId=self.subnet,
            AllocationId=self.address["AllocationId"],
            TagSpecifications=[{"ResourceType": "natgateway", "Tags": tags}],
        )["NatGateway"]["NatGatewayId"]
        if not self.databases():
            self.make_database()
        self.mark("unparked")
        self.bench.edge.fault = ""

    def park(self) -> None:
        self.mark("parked")
        self.bench.edge.fault = "parked"
        self.scale(0)
        client("ec2").delete_nat_gateway(NatGatewayId=self.nat)
        client("ec2").release_address(AllocationId=self.address["AllocationId"])
        if self.setting("databaseWhenParked") == "deleted":
            self.delete_database()

    def scale(self, count: int) -> None:
        for workload in SERVICES:
            client("ecs").update_service(cluster=CLUSTER, service=f"prod-{workload}", desiredCount=count)

    def databases(self) -> list[Any]:
        found: list[Any] = client("rds").describe_db_clusters()["DBClusters"]
        return found

    def delete_database(self, generation: int = 1) -> None:
        rds = client("rds")
        rds.create_db_cluster_snapshot(
            DBClusterIdentifier=DATABASE, DBClusterSnapshotIdentifier=f"{DATABASE}-g{generation}-final"
        )
        rds.delete_db_cluster(DBClusterIdentifier=DATABASE, SkipFinalSnapshot=True)

    def snapshot(self, name: str) -> Any:  # noqa: ANN401 - moto's
        """A snapshot as moto's object, which tests may change."""
        return _snapshots()[name]

    def mark(self, mode: str) -> None:
        client("ssm").put_parameter(Name="/prod/infra/park_mode", Value=mode, Type="String", Overwrite=True)

    def desired(self) -> list[int]:
        names = [f"prod-{workload}" for workload in SERVICES]
        found = client("ecs").describe_services(cluster=CLUSTER, services=names)["services"]
        return [service["desiredCount"] for service in found]


@pytest.fixture
def platform(bench: Bench) -> Platform:
    """A running platform, of a stack `prod` that creates its workloads."""
    made = Platform(bench)
    here = yaml.safe_load((HERE / "Pulumi.lab.yaml").read_text())["config"]
    file = bench.project / "Pulumi.prod.yaml"
    document = yaml.safe_load(file.read_text())
    document["config"] = {key: value for key, value in document["config"].items() if key not in ELSEWHERE_KEYS}
    document["config"] |= {key: here[key] for key in OF_HERE}
    document["config"]["backstageSessionSecret"] = "prod/backstage/session-secret-Yb8nR3"
    file.write_text(yaml.safe_dump(document))
    (bench.project / "policies").symlink_to(owned() / "policies")
    made.make()
    bench.set_state()
    bench.patch.setattr(deploy, "run_cli", made.engine)
    bench.cloud.reset()
    return made


def test_a_platform_is_parked_and_unparked(platform: Platform) -> None:
    bench = platform.bench
    bench.configure(parkMode="parked")
    parked = bench.run("park", "--yes", "--pool-paused")
    assert parked.code == 0, parked.text
    assert "--yes" in platform.updates[0]
    assert "open AWS doesn't report its capacity yet" in parked.text
    again = bench.run("park", "--yes")
    assert (again.code, len(platform.updates)) == (0, 1)
    assert "prod is parked" in again.text

    bench.configure(parkMode="unparked")
    unparked = bench.run("unpark", "--yes")
    assert unparked.code == 0, unparked.text
    assert len(platform.updates) == 2
    assert "NAT gateways and routes are created" in unparked.text


def test_a_deleted_database_is_restored(platform: Platform) -> None:
    bench = platform.bench
    bench.configure(parkMode="parked", databaseWhenParked="deleted", databaseDeletable=True)
    parked = bench.run("park", "--yes", "--pool-paused")
    assert parked.code == 0, parked.text
    assert "deleted; it left prod-database-g1-final" in parked.text

    bench.configure(parkMode="unparked", databaseRestoreMode="from_final_snapshot", databaseGeneration=2)
    unparked = bench.run("unpark", "--yes")
    assert unparked.code == 0, unparked.text
    assert "generation 2 starts from prod-database-g1-final" in unparked.text


def test_a_dry_run_changes_nothing_and_shows_steps_and_costs(platform: Platform) -> None:
    platform.bench.configure(parkMode="parked")
    outcome = platform.bench.run("park", "--dry-run", "--pool-paused")
    calls = [*platform.bench.cloud.calls]
    assert outcome.code == 0, outcome.text
    assert (platform.updates, platform.desired()) == ([], [1, 1, 1])
    reads = ("/", "Describe", "Get", "List")  # a slash: calls of EC2 and RDS, whose operation is in the body
    assert [call for call in calls if not call.startswith(reads)] == []
    assert "2. Prefect API, worker and Backstage stop, one after another (1 to 3 minutes each)" in outcome.text
    assert "total ~212 ~33" in outcome.text
    assert "Dry run: nothing was changed." in outcome.text


def test_an_interrupted_run_can_be_continued(platform: Platform) -> None:
    platform.bench.configure(parkMode="parked")
    platform.code = 255
    platform.bench.patch.setattr(deploy, "_require_gate", lambda *_: None)  # it would start the packs
    broken = platform.bench.run("park", "--yes", "--pool-paused")
    assert broken.code == 255
    assert "Run `make park STACK=prod` again" in broken.text
    # The first services have stopped: Prefect can't be asked any more, and the worker still runs.
    platform.mark("parked")
    platform.bench.edge.fault = "parked"
    platform.code = 0
    client("ecs").update_service(cluster=CLUSTER, service="prod-prefect-api", desiredCount=0)
    assert platform.bench.run("park", "--yes").code == 0
    assert len(platform.updates) == 2


def test_wrong_results_are_reported_afterwards(platform: Platform) -> None:
    platform.bench.configure(parkMode="parked")
    platform.bench.patch.setattr(Platform, "park", lambda self: self.mark("parked"))
    outcome = platform.bench.run("park", "--yes", "--pool-paused")
    assert outcome.code == 1
    for told in ("prod-backstage has 1 running, 0 pending", f"still there: {platform.nat}", "answers 302"):
        assert told in outcome.text


def test_all_obstacles_to_parking_are_reported_at_once(platform: Platform) -> None:
    platform.bench.configure(parkMode="parked", databaseWhenParked="deleted", databaseDeletable=True)
    client("ecs").run_task(cluster=CLUSTER, taskDefinition="prod-prefect-deployer", launchType="FARGATE")
    platform.snapshot("backup-of-today").created -= timedelta(days=1, minutes=1)
    client("rds").modify_db_cluster(DBClusterIdentifier=DATABASE, DeletionProtection=True)
    outcome = platform.bench.run("park", "--yes")
    assert outcome.code == 1
    for told in (
        "prod-prefect-deployer:1 (",
        "can't be checked from here",
        "the newest is backup-of-today",
        "it has deletion protection: apply databaseDeletable `true` before you park",
        "Nothing was changed.",
    ):
        assert told in outcome.text
    assert platform.updates == []


def test_prefect_is_asked_if_its_api_is_open(platform: Platform) -> None:
    bench = platform.bench
    bench.configure(parkMode="parked", openPrefectMachineApi=True)
    bench.edge.credential = BY_HAND["prod/prefect/api-auth"]
    for paused, running, told in (
        (True, 2, "2 haven't ended"),
        (False, 0, "the work pool `flows` isn't paused"),
        (True, 0, "is paused, and no flow is running"),
    ):
        bench.edge.answers = {"/api/work_pools/flows": {"is_paused": paused}, "/api/flow_runs/count": running}
        outcome = bench.run("park", "--dry-run")
        assert told in outcome.text
        assert outcome.code == int("no flow is running" not in told)
    bench.edge.credential = "somebody:else"
    refused = bench.run("park", "--dry-run")
    assert refused.code == 1
    assert "Prefect answers 401" in refused.text


def test_obstacles_to_unparking_are_reported(platform: Platform) -> None:
    bench = platform.bench
    bench.configure(databaseWhenParked="deleted")
    platform.park()
    left = platform.snapshot("prod-database-g1-final")
    for generation, mode, changed, told in (
        (1, "clean", {}, "accepted: databaseGeneration 2"),
        (2, "clean", {}, "an empty database has no users"),
        (3, "from_final_snapshot", {}, "the snapshot prod-database-g2-final doesn't exist"),
        (2, "from_final_snapshot", {"status": "creating"}, "the snapshot prod-database-g1-final is creating"),
        (
            2,
            "from_final_snapshot",
            {"status": "available", "engine_version": "17.11"},
            "databaseEngineVersion is 17.10, but prod-database-g1-final has 17.11",
        ),
    ):
        bench.configure(databaseGeneration=generation, databaseRestoreMode=mode)
        for attribute, value in changed.items():
            setattr(left, attribute, value)
        outcome = bench.run("unpark", "--yes")
        assert (outcome.code, platform.updates) == (1, [])
        assert told in outcome.text


def test_the_stacks_file_must_change_first(platform: Platform) -> None:
    outcome = platform.bench.run("park", "--yes")
    assert outcome.code == 2
    assert "Pulumi.prod.yaml has parkMode `unparked`; accepted: `parked`, reviewed and merged first" in outcome.text


def test_workloads_made_by_others_cannot_be_parked(bench: Bench) -> None:
    outcome = bench.run("park", "--dry-run")
    assert outcome.code == 2
    assert "accepted: workloads `here`" in outcome.text


def test_every_rate_has_a_source(platform: Platform) -> None:
    rates = costs.prices()["rates"]
    assert all(rate["source"] and rate["read"] and rate["dollars"] > 0 for rate in rates.values())
    settings = load(platform.bench.project, "prod").settings
    used = {item.rate for item in costs.items(settings)}
    used |= {item.rate for item in costs.items(settings.model_copy(update={"cpu_architecture": "ARM64"}))}
    assert used == set(rates)
    assert REGION == costs.prices()["region"] == config("prod")["aws:region"]
