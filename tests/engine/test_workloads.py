"""A stack that creates its workloads, on the real engine: created, left alone, given an image that fails and one that
runs, parked, destroyed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests.engine.deployment import Deployment, prepared
from tests.operations import ecs
from tests.owner import HERE, lay
from tests.planning import plan_of
from tests.workloads import LAB

pytestmark = pytest.mark.engine

ADMINISTRATOR = "canary-administrator-password"
SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
CLUSTER = "aws:rds/cluster:Cluster"
INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROUTE = "aws:ec2/route:Route"
NAT = "aws:ec2/natGateway:NatGateway"
ADDRESS = "aws:ec2/eip:Eip"
RULE = "aws:lb/listenerRule:ListenerRule"
PARAMETER = "aws:ssm/parameter:Parameter"
PARKED_RULES = ("lab-portal-parked", "lab-pipelines-parked")
MARKER = "infra/park_mode"
SERVICES = ("lab-prefect-api-service", "lab-prefect-worker-service", "lab-backstage-service")
Change = tuple[str, str, str]


def with_administrator(deployment: Deployment, user: str = "dbadmin") -> None:
    """Make Secrets Manager return the database administrator's credentials too."""
    file = deployment.cloud / "secrets.json"
    kept = json.loads(file.read_text())
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:lab/db/admin"
    file.write_text(json.dumps({**kept, arn: json.dumps({"username": user, "password": ADMINISTRATOR})}))


def order(deployment: Deployment, after: int, *types: str) -> list[tuple[str, str]]:
    """Method and logical name of the changes of some types, in order."""
    return [
        (call["method"], call["urn"].rpartition("::")[2])
        for call in deployment.journal()[after:]
        if call["method"] in ("Create", "Update", "Delete") and call["outcome"] == "done" and call["type"] in types
    ]


def test_the_life_of_workloads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One stack goes through all of it: separate tests would each need a first update of their own."""
    deployment = prepared().deployment(tmp_path, LAB, lay(tmp_path, HERE))
    try:
        with_administrator(deployment, "somebody")
        outcome = deployment.up()
        assert outcome.code != 0
        assert "The secret db/admin has no password of dbadmin; accepted: JSON" in outcome.out
        assert ADMINISTRATOR not in outcome.out

        with_administrator(deployment)
        outcome = deployment.up()
        assert outcome.code == 0, outcome.out
        planned = [step for step in plan_of(LAB).steps if step.type.startswith(("aws:", "cloudflare:"))]
        assert len(deployment.resources()) == len(planned)
        made = order(deployment, 0, SERVICE, TASK, CLUSTER, ROUTE)
        services = [name for _, name in made if name.endswith("-service")]
        assert services == [*SERVICES]
        # Tasks find their image, their database and their routes to both.
        first = made.index(("Create", services[0]))
        assert {("Create", "lab-database"), ("Create", "lab-private-a"), ("Create", "lab-private-b")} <= set(
            made[:first]
        )
        assert ADMINISTRATOR not in deployment.state_file.read_text()

        before = len(deployment.journal())
        assert deployment.up().code == 0
        assert deployment.changes(before) == []

        # One commit with a change on either side: CI's jobs apply both, one after the other, each with its role.
        before = len(deployment.journal())
        deployment.set("prefectImageDigest", "sha256:" + "4" * 64)
        deployment.set("sessionSeconds", 3600)
        outcome = deployment.up("--without-workloads")
        assert outcome.code == 0, outcome.out
        assert deployment.changes(before) == [("Update", RULE)] * 2

        roll_out_what_fails(deployment, capsys)
        roll_out(deployment, capsys)

        park_with_a_break(deployment)
        unpark_with_a_break(deployment)
        park_and_delete_the_database(deployment)
        restore(deployment)

        outcome = deployment.run("destroy", "--confirm", LAB)
        assert outcome.code == 0, outcome.out
        # ECS keeps the task definitions that it can roll back to.
        assert {type_ for type_, _ in deployment.existing()} == {TASK}
    finally:
        deployment.attached.stop()


def roll_out_what_fails(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """A service rolls back; the update doesn't notice, but `verify-services` does."""
    before = len(deployment.journal())
    deployment.faults({"method": "Update", "nth": 1, "type": SERVICE, "action": "roll-back"})
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    deployment.faults()
    assert [name for method, name in order(deployment, before, SERVICE)] == ["lab-prefect-worker-service"]
    code, found = seen_by_verify_services(deployment, capsys)
    assert (code, list(found)) == (1, ["lab-prefect-api"])
    assert "its newest deployment ended as ROLLBACK_SUCCESSFUL" in found["lab-prefect-api"]
    assert (
        f"differs from the stack's file in image, sha256:{'2' * 64} for sha256:{'4' * 64}" in found["lab-prefect-api"]
    )


def roll_out(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    before = len(deployment.journal())
    deployment.set("prefectImageDigest", "sha256:" + "5" * 64)
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    rolled = order(deployment, before, SERVICE, TASK)
    prefect = ("lab-prefect-api", "lab-prefect-worker", "lab-prefect-deployer")
    assert {name for method, name in rolled if method == "Create"} == set(prefect)
    assert [name for method, name in rolled if method == "Update"] == [*SERVICES[:2]]
    assert {type_ for _, type_ in deployment.changes(before)} == {SERVICE, TASK}
    assert seen_by_verify_services(deployment, capsys) == (0, {})


def seen_by_verify_services(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """Run the command on the existing services; return its exit code, and its messages about those that fail."""
    definitions = {one.properties["arn"]: one.properties for one in deployment.account_resources() if one.type == TASK}
    last = {
        call["urn"]: call["outcome"]
        for call in deployment.journal()
        if call.get("type") == SERVICE and call["method"] in ("Create", "Update")
    }
    with ecs.playing() as account:
        for service in deployment.account_resources():
            if service.type == SERVICE:
                name = service.properties["name"]
                account.serve(name, definitions[service.properties["taskDefinition"]])
                if last[service.urn] == "roll-back":
                    account.deployments[name] = ("ROLLBACK_SUCCESSFUL", "tasks failed to start")
        return ecs.verified(str(deployment.project), capsys)


def park_with_a_break(deployment: Deployment) -> None:
    deployment.set("parkMode", "parked")
    assert_needs_command(deployment, "park")

    before = len(deployment.journal())
    deployment.faults({"method": "Update", "nth": 2, "type": SERVICE, "action": "refuse"})
    assert deployment.up("--change-park-mode").code != 0
    # The marker says parked, and services that still run keep their route to the internet.
    assert marker(deployment) == "parked"
    assert {type_ for method, type_, _ in changes(deployment, before) if method == "Delete"} == set()

    deployment.faults()
    applied(deployment)
    done = changes(deployment, before)
    stopped = [("Update", SERVICE, name) for name in SERVICES]
    assert_before(done, [("Create", RULE, name) for name in PARKED_RULES], stopped)
    assert_before(done, [("Update", PARAMETER, MARKER)], stopped)
    routes = [("Delete", ROUTE, f"lab-private-{zone}") for zone in "ab"]
    assert_before(done, stopped, routes, [("Delete", NAT, "lab-nat-a")], [("Delete", ADDRESS, "lab-nat-a")])
    assert {type_ for _, type_, _ in done} == {RULE, PARAMETER, SERVICE, ROUTE, NAT, ADDRESS, ROLE_POLICY, POLICY}
    assert desired(deployment) == [0, 0, 0]


def unpark_with_a_break(deployment: Deployment) -> None:
    deployment.set("parkMode", "unparked")
    deployment.set("databaseDeletable", True)  # needed later: it must be applied before the database is deleted
    assert_needs_command(deployment, "unpark")

    before = len(deployment.journal())
    deployment.faults({"method": "Update", "nth": 2, "type": SERVICE, "action": "refuse"})
    assert deployment.up("--change-park-mode").code != 0
    # Hosts stay closed until all services run.
    assert marker(deployment) == "parked"
    assert {*PARKED_RULES} <= {resource["urn"].rpartition("::")[2] for resource in deployment.resources()}
    assert_needs_command(deployment, "unpark")

    deployment.faults()
    applied(deployment)
    assert_unparked(changes(deployment, before), ("Create", ROUTE, "lab-private-a"))
    assert desired(deployment) == [1, 1, 1]


def park_and_delete_the_database(deployment: Deployment) -> None:
    before = len(deployment.journal())
    deployment.set("parkMode", "parked")
    deployment.set("databaseWhenParked", "deleted")
    applied(deployment)
    done = changes(deployment, before)
    stopped = [("Update", SERVICE, name) for name in SERVICES]
    assert_before(done, stopped, [("Delete", INSTANCE, "lab-database")], [("Delete", CLUSTER, "lab-database")])


def restore(deployment: Deployment) -> None:
    before = len(deployment.journal())
    deployment.set("parkMode", "unparked")
    deployment.set("databaseGeneration", 2)
    deployment.set("databaseRestoreMode", "from_final_snapshot")
    deployment.set("databaseDeletable", False)
    applied(deployment)
    assert_unparked(
        changes(deployment, before), ("Create", CLUSTER, "lab-database"), ("Create", INSTANCE, "lab-database")
    )
    (cluster,) = [resource.properties for resource in deployment.account_resources() if resource.type == CLUSTER]
    assert cluster["snapshotIdentifier"] == "lab-database-g1-final"
    assert cluster["finalSnapshotIdentifier"] == "lab-database-g2-final"


def applied(deployment: Deployment) -> None:
    outcome = deployment.up("--change-park-mode")
    assert outcome.code == 0, outcome.out


def assert_needs_command(deployment: Deployment, command: str) -> None:
    """A deploy, such as CI's, neither parks nor unparks."""
    before = len(deployment.journal())
    refused = deployment.up()
    assert refused.code == 2, refused.out
    assert f"`make {command} STACK=lab`" in refused.out
    assert deployment.changes(before) == []


def assert_unparked(done: list[Change], *made: Change) -> None:
    """What services need is created first, then each service runs, then the marker says so, then the hosts open."""
    services = [("Update", SERVICE, name) for name in SERVICES]
    started = [max(index for index, change in enumerate(done) if change == service) for service in services]
    assert started == sorted(started)
    assert_before(done, list(made), services)
    assert_before(done, services, [("Update", PARAMETER, MARKER)])
    assert_before(done, services, [("Delete", RULE, name) for name in PARKED_RULES])


def assert_before(done: list[Change], *groups: list[Change]) -> None:
    """Each group of changes is finished before the next one begins."""
    places = [[done.index(change) for change in group] for group in groups]
    for earlier, later in itertools.pairwise(places):
        assert max(earlier) < min(later), done


def changes(deployment: Deployment, after: int) -> list[Change]:
    """Method, type and logical name of the changes that were made, in order."""
    return [
        (call["method"], call["type"], call["urn"].rpartition("::")[2])
        for call in deployment.journal()[after:]
        if call["method"] in ("Create", "Update", "Delete") and call["outcome"] == "done"
    ]


def desired(deployment: Deployment) -> list[int]:
    return [one.properties["desiredCount"] for one in deployment.account_resources() if one.type == SERVICE]


def marker(deployment: Deployment) -> str:
    (value,) = [
        one.properties["insecureValue"]
        for one in deployment.account_resources()
        if one.type == PARAMETER and one.properties["name"] == f"/{LAB}/{MARKER}"
    ]
    return str(value)
