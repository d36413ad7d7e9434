"""Workloads that this program creates, on upstream provider code: every argument of the plan, then their whole life.

One account, in order: each test builds on those before it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from generators import ci_calls
from operations.stack import load
from rehearsal.engine import planned_inputs
from tests.engine.test_workloads import (
    ADDRESS,
    CLUSTER,
    INSTANCE,
    MARKER,
    NAT,
    PARAMETER,
    PARKED_RULES,
    ROUTE,
    RULE,
    SERVICE,
    SERVICES,
    TASK,
    assert_before,
    assert_unparked,
)
from tests.planning import plan_of
from tests.upstream.called import lines
from tests.upstream.completed_server import MISSING
from tests.upstream.conftest import READS, SUMMARIES, compare
from tests.upstream.deployment import Account, Ran, Upstream, empty_account, provider_code
from tests.workloads import CALLS, LAB

pytestmark = [pytest.mark.engine, pytest.mark.upstream]

LOST = {
    ("aws:rds/cluster:Cluster", "autoMinorVersionUpgrade"): "came with a later version than 5.100",
    ("aws:rds/cluster:Cluster", "masterPasswordWo"): "is written, and in no answer",
}
"""Type and argument -> why the 5.x provider's answer lacks it."""

OTHERWISE = {
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "alarmActions"): "an empty list is left out",
    ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "egress"): "an empty list is left out",
    ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "ingress"): "an empty list is left out",
    ("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions"): "the same JSON in the provider's own order",
    **LOST,
}
"""Type and path where the embedded engine and the provider differ -> the provider's answer."""

UNPLAYED = {
    "certificate": "Cloudflare, which the hosts lead to",
    "load balancer's targets": "ECS, where it tells the load balancer of its tasks",
}
"""What `park` and `unpark` can't find when they check the result -> the service that isn't played here."""

FUNCTION = "aws:lambda/function:Function"
STOPPED = [("Update", SERVICE, name) for name in SERVICES]
IMAGE = "sha256:" + "4" * 64


def planned() -> dict[str, str]:
    """URN -> type of each of AWS's resources in the plan."""
    return {step.urn: step.type for step in plan_of(LAB).steps if step.type.startswith("aws:")}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A separate account: those of other tests have stacks without workloads."""
    types = sorted({*READS, *planned().values()})
    with empty_account(tmp_path_factory.mktemp("workloads"), types) as made:
        yield made
        SUMMARIES.extend(ran.summary for ran in made.runs)


@pytest.fixture(scope="module")
def lab(account: Account) -> Upstream:
    """The stack, in an account that has its function's code."""
    stack = account.stack(LAB)
    bucket, s3 = stack.account.settings(LAB)["orkCodeBucket"], stack.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": stack.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    stack.deployment.set("orkCodeVersion", put_code(stack, ""))
    stack.deployment.set("readSecretsInPreview", True)  # otherwise a stand-in differs from Kinde's secret
    return stack


def put_code(stack: Upstream, text: str) -> str:
    """Upload an archive with the function's code to where the stack's file says it is, and return its version."""
    config = stack.account.settings(LAB)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("handler.py", text)
    kept = stack.client("s3").put_object(
        Bucket=config["orkCodeBucket"], Key=config["orkCodeKey"], Body=archive.getvalue()
    )
    return str(kept["VersionId"])


@pytest.fixture(scope="module")
def preview(lab: Upstream) -> Ran:
    return lab.preview("preview of workloads")


def test_the_provider_accepts_every_planned_argument(preview: Ran) -> None:
    assert preview.refused == []
    assert [call for call in preview.provider if call.get("failures")] == []
    assert {call["urn"] for call in preview.provider if call["method"] == "Create"} == set(planned())


def test_the_provider_loses_no_argument_without_a_reason(preview: Ran) -> None:
    lost = {(call["type"], name) for call in preview.provider for name in call.get("lost", ())}
    assert lost == set(LOST)


def take_out(stack: Upstream, *keys: str) -> dict[str, Any]:
    """Take settings out of the stack's file, and return them."""
    document = yaml.safe_load(stack.deployment.stack_file.read_text())
    taken = {key: document["config"].pop(key) for key in keys}
    stack.deployment.stack_file.write_text(yaml.safe_dump(document))
    return taken


def set_all(stack: Upstream, **settings: Any) -> None:  # noqa: ANN401 - as YAML has it
    for key, value in settings.items():
        stack.deployment.set(key, value)


def assert_succeeded(*runs: Ran) -> None:
    assert [refused for ran in runs for refused in ran.refused] == []


def assert_settled(stack: Upstream, after: str) -> None:
    """A plan made now is empty."""
    ran = stack.preview(f"preview after: {after}")
    assert_succeeded(ran)
    assert ran.differing == []


def test_stack_rules_see_the_same_on_both_engines(preview: Ran) -> None:
    differing = {(call["type"], path) for call in preview.provider for path in call.get("unexplained", ())}
    assert differing == set(OTHERWISE)


def test_a_first_deploy_takes_three_updates(lab: Upstream) -> None:
    """The three of docs/workloads.md: the database needs its password, and the services need the database.

    A person applies all three. Here CI's roles run the second and the third, so that IAM is also asked about a new
    database and new services. The third isn't split, since the marker of park mode waits for the services.
    """
    later = take_out(lab, "backstageImageDigest", "prefectImageDigest", "backstageSessionSecret")
    tasks = take_out(lab, "postgresqlImageDigest")
    set_all(lab, databaseGeneration=0)
    assert_succeeded(lab.up("first update: no database and no image", roles=()))
    secrets = lab.client("secretsmanager")
    password = json.dumps({"username": "dbadmin", "password": "not-a-real-one"})
    secrets.put_secret_value(SecretId=f"{LAB}/db/admin", SecretString=password)
    set_all(lab, databaseGeneration=1, **tasks)
    assert_succeeded(*lab.apply_as_ci("second update: the database"))
    session = secrets.describe_secret(SecretId=f"{LAB}/backstage/session-secret")["ARN"]
    set_all(lab, **{**later, "backstageSessionSecret": session.partition(":secret:")[2]})
    assert_succeeded(lab.up("third update: the services", roles=("ci-workloads",)))
    assert {kind for ran in lab.account.runs for method, kind in ran.changes if method == "Create"} == set(
        planned().values()
    )
    assert_settled(lab, "the first deploy")


def test_a_search_for_drift_finds_no_difference(lab: Upstream) -> None:
    assert_succeeded(lab.search_for_drift("search for drift"))


def assert_services(stack: Upstream, after: str, **failed: str) -> None:
    """`verify-services` fails exactly these services, each with these words in its message."""
    ran = stack.operate(f"services after: {after}", "verify-services", "--json")
    found = {check["subject"]: check["text"] for check in json.loads(ran.out)["checks"] if check["outcome"] == "failed"}
    assert (ran.code, set(found)) == (int(bool(failed)), set(failed))
    assert [text for name, text in found.items() if failed[name] not in text] == []


def test_verify_services_reports_a_rollout_that_failed(lab: Upstream) -> None:
    """The 5.x provider takes a service that rolled back for one that was updated."""
    scenario, prefect = "an image that is missing", ("lab-prefect-api", "lab-prefect-worker")
    set_all(lab, prefectImageDigest=MISSING)
    ran = lab.up(scenario, roles=("ci-workloads",))
    assert_succeeded(ran)
    assert [step for step in ran.steps if step[0] == "Update"] == STOPPED[:2]
    went_back = "its newest deployment ended as ROLLBACK_SUCCESSFUL (ECS deployment circuit breaker"
    assert_services(lab, scenario, **dict.fromkeys(prefect, went_back))
    # The state has the task definitions that the services rolled back to, so the next update tries again.
    differing = lab.preview(f"preview after: {scenario}").differing
    assert sorted(differing) == [f"{SERVICE}::{name}-service: taskDefinition" for name in prefect]


def test_cis_two_updates_roll_out_new_images_and_code(lab: Upstream) -> None:
    code = put_code(lab, "# another version")
    set_all(lab, prefectImageDigest=IMAGE, sessionSeconds=3600, orkCodeVersion=code)
    guarded, workloads = lab.apply_as_ci("new images, other code, and another length of sessions")
    assert_succeeded(guarded, workloads)
    assert guarded.changes == [("Update", RULE)] * 2
    prefect = ("lab-prefect-api", "lab-prefect-worker", "lab-prefect-deployer")
    made = [("Create", TASK, name) for name in prefect]
    assert_before(workloads.steps, made[:2], STOPPED[:2])
    updated = [step for step in workloads.steps if step[0] == "Update"]
    assert sorted(updated) == sorted([*STOPPED[:2], ("Update", FUNCTION, "lab-ork-processor")])
    assert {step for step in workloads.steps if step[0] == "Create"} == set(made)
    # The old task definitions stay, so that ECS can roll back to them.
    assert "DeregisterTaskDefinition" not in {call.get("operation") for call in workloads.api}
    ecs = lab.client("ecs")
    for service in ecs.describe_services(cluster="lab-services", services=list(prefect[:2]))["services"]:
        task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        assert [container["image"].partition("@")[2] for container in task["containerDefinitions"]] == [IMAGE]
    assert_services(lab, "new images")


def moved(stack: Upstream, command: str, *options: str, **settings: Any) -> Ran:  # noqa: ANN401 - as YAML has it
    """Park or unpark as a person does, once the stack's file says so; all checks but those of `UNPLAYED` must pass."""
    set_all(stack, **settings)
    read = load(stack.deployment.project, LAB)
    nobody = [f"--connect-to={host}:443:127.0.0.1:9" for host in (*read.hosts.values(), read.origin)]
    title = ", ".join([command, *map(str, settings.values())])
    ran = stack.operate(title, command, "--yes", "--timeout=5", *options, *nobody)
    done, _, arrived = ran.out.rpartition(f"After {command}ing {LAB}")
    assert done, ran.out
    failed = {line.partition("  failed ")[0].strip() for line in arrived.splitlines() if "  failed " in line}
    assert {check.rpartition(": ")[2] for check in failed} <= set(UNPLAYED), ran.out
    return ran


def desired(stack: Upstream) -> list[int]:
    names = [name.removesuffix("-service") for name in SERVICES]
    found = stack.client("ecs").describe_services(cluster="lab-services", services=names)["services"]
    return [service["desiredCount"] for service in found]


def test_parking_stops_services_before_their_route_out_is_deleted(lab: Upstream) -> None:
    ran = moved(lab, "park", "--pool-paused", parkMode="parked")
    told = [("Update", PARAMETER, MARKER), *(("Create", RULE, name) for name in PARKED_RULES)]
    routes = [("Delete", ROUTE, f"lab-private-{zone}") for zone in "ab"]
    assert_before(ran.steps, told, STOPPED, routes, [("Delete", NAT, "lab-nat-a")], [("Delete", ADDRESS, "lab-nat-a")])
    assert desired(lab) == [0, 0, 0]


def test_unparking_opens_the_hosts_once_services_run(lab: Upstream) -> None:
    ran = moved(lab, "unpark", parkMode="unparked")
    assert_unparked(ran.steps, ("Create", NAT, "lab-nat-a"), ("Create", ROUTE, "lab-private-a"))
    assert desired(lab) == [1, 1, 1]
    assert_settled(lab, "unparking")


def test_a_database_deleted_by_parking_leaves_a_snapshot(lab: Upstream) -> None:
    ran = moved(lab, "park", "--pool-paused", databaseDeletable=True, databaseWhenParked="deleted", parkMode="parked")
    assert_before(ran.steps, STOPPED, [("Delete", INSTANCE, "lab-database")], [("Delete", CLUSTER, "lab-database")])
    assert "deleted; it left lab-database-g1-final" in ran.out


def test_a_database_starts_from_the_snapshot_of_the_last_one(lab: Upstream) -> None:
    ran = moved(
        lab,
        "unpark",
        parkMode="unparked",
        databaseGeneration=2,
        databaseRestoreMode="from_final_snapshot",
        databaseDeletable=False,
    )
    assert_unparked(ran.steps, ("Create", CLUSTER, "lab-database"), ("Create", INSTANCE, "lab-database"))
    operations = [call.get("operation") for call in ran.api]
    assert "RestoreDBClusterFromSnapshot" in operations
    assert "CreateDBCluster" not in operations


def test_the_next_update_sets_attributes_that_a_restore_leaves_out(lab: Upstream) -> None:
    """https://github.com/hashicorp/terraform-provider-aws/issues/35189"""
    ran = lab.preview("preview after: a restore")
    # moto forgets the mode of Database Insights of a new cluster.
    left_out = "databaseInsightsMode, iamDatabaseAuthenticationEnabled"
    assert ran.differing == [f"{CLUSTER}::lab-database: {left_out}"]
    guarded, workloads = lab.apply_as_ci("what a restore leaves out")
    assert_succeeded(guarded, workloads)
    assert (guarded.changes, workloads.changes) == ([], [("Update", CLUSTER)])
    # moto's `ModifyDBCluster` doesn't change sign-in by IAM.
    ran = lab.preview("preview after: what a restore leaves out")
    assert ran.differing == [f"{CLUSTER}::lab-database: iamDatabaseAuthenticationEnabled"]


def test_everything_is_destroyed(lab: Upstream) -> None:
    assert_succeeded(
        lab.destroy("destroy", roles=())
    )  # as a person: CI's roles aren't allowed to delete what services run in
    assert lab.deployment.resources() == []
    assert lab.left() == []
    snapshots = lab.client("rds").describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    kept = [snapshot["DBClusterSnapshotIdentifier"] for snapshot in snapshots]
    assert sorted(kept) == ["lab-database-g1-final", "lab-database-g2-final"]


@pytest.fixture(scope="module")
def whole(account: Account) -> Account:
    """The account after all of these tests."""
    if not any(ran.scenario == "destroy" for ran in account.runs):
        pytest.skip("the tests before this one didn't run")
    return account


def test_the_record_of_planned_answers_is_current(preview: Ran) -> None:
    observed = [(call["type"], call["answer"]) for call in preview.provider if "answer" in call]
    others = planned_inputs.record(planned_inputs.RECORD)
    both = planned_inputs.merged([*others.items(), *observed])
    more = {
        type_: answer for type_, answer in planned_inputs.merged(observed).items() if both[type_] != others.get(type_)
    }
    document = {"source": provider_code(), "answers": more}
    source = planned_inputs.source(planned_inputs.WORKLOADS)
    compare(planned_inputs.WORKLOADS, source, json.dumps(document, indent=1) + "\n")


def test_the_record_of_calls_is_current(whole: Account) -> None:
    called = [call for ran in whole.runs if ran.roles for call in ran.api]
    assert [call for call in called if "unrecognized" in call] == []
    compare(CALLS, ci_calls.source(CALLS), lines(whole.runs, {LAB: whole.settings(LAB)}))
