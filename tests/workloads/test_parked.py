"""A parked platform has nothing that costs by the hour but the load balancer, and its hosts say that it is parked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.owner import HERE, lay
from tests.planning import Plan, Step, rehearse
from tests.workloads import LAB

SERVICE = "aws:ecs/service:Service"
RULE = "aws:lb/listenerRule:ListenerRule"
CLUSTER = "aws:rds/cluster:Cluster"
HOST_PARAMETER = ("aws:ssm/parameter:Parameter", "infra/database_host")
DATABASE = {(CLUSTER, "lab-database"), ("aws:rds/clusterInstance:ClusterInstance", "lab-database"), HOST_PARAMETER}
PARKED_RULES = {(RULE, "lab-portal-parked"), (RULE, "lab-pipelines-parked")}
NAT = {
    ("aws:ec2/eip:Eip", "lab-nat-a"),
    ("aws:ec2/natGateway:NatGateway", "lab-nat-a"),
    ("aws:ec2/route:Route", "lab-private-a"),
    ("aws:ec2/route:Route", "lab-private-b"),
}


def parked_plan(folder: Path, **settings: str) -> Plan:
    """The plan of the parked stack, with some settings added to its file."""
    project = lay(folder, HERE)
    with (project / f"Pulumi.{LAB}.yaml").open("a") as file:
        file.writelines(f"  {key}: {value}\n" for key, value in {"parkMode": "parked", **settings}.items())
    return rehearse(LAB, project, folder / "plan.json", often=True)


def resources(plan: Plan) -> Mapping[tuple[str, str], Step]:
    return {(step.type, step.urn.rpartition("::")[2]): step for step in plan.steps}


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return parked_plan(tmp_path_factory.mktemp("paused"), databaseMinimumCapacity='"1"')


@pytest.fixture(scope="module")
def deleted(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return parked_plan(tmp_path_factory.mktemp("deleted"), databaseWhenParked="deleted", databaseDeletable="true")


def test_a_parked_platform_has_no_nat_and_passes_every_pack(lab: Plan, paused: Plan) -> None:
    assert (paused.exit_code, paused.violations) == (0, []), paused.printed
    before, after = resources(lab), resources(paused)
    assert before.keys() - after.keys() == NAT
    assert after.keys() - before.keys() == PARKED_RULES
    assert [service["desiredCount"] for service in paused.inputs(SERVICE)] == [0, 0, 0]


def test_a_kept_database_pauses_whatever_its_least_capacity_is(paused: Plan) -> None:
    (cluster,) = paused.inputs(CLUSTER)
    capacity: dict[str, Any] = cluster["serverlessv2ScalingConfiguration"]
    assert (capacity["minCapacity"], capacity["secondsUntilAutoPause"]) == (0, 300)


def test_both_hosts_answer_503_before_any_other_rule(paused: Plan) -> None:
    rules = {name: step.inputs for (type_, name), step in resources(paused).items() if type_ == RULE}
    for host in ("lab-portal", "lab-pipelines"):
        parked, behind = rules[f"{host}-parked"], rules[host]
        (action,) = parked["actions"]
        assert action["fixedResponse"]["statusCode"] == "503"
        assert "parked" in action["fixedResponse"]["messageBody"]
        assert parked["conditions"] == behind["conditions"]
        # It also comes before the rule for the machine API, if there is one.
        assert parked["priority"] < behind["priority"] - 10


def test_target_groups_stay_in_use_while_parked(lab: Plan, paused: Plan) -> None:
    for name in ("lab-portal", "lab-pipelines"):
        assert resources(paused)[RULE, name].inputs == resources(lab)[RULE, name].inputs


def test_the_deployer_of_a_parked_platform_cannot_be_started(lab: Plan, paused: Plan) -> None:
    policy = ("aws:iam/rolePolicy:RolePolicy", "lab-ci-deployer-trigger")
    assert "ecs:RunTask" in resources(lab)[policy].inputs["policy"]
    assert "ecs:RunTask" not in resources(paused)[policy].inputs["policy"]


def test_deleting_the_database_keeps_what_the_next_one_needs(lab: Plan, deleted: Plan) -> None:
    assert (deleted.exit_code, deleted.violations) == (0, []), deleted.printed
    before, after = resources(lab), resources(deleted)
    assert before.keys() - after.keys() == NAT | DATABASE
    assert after.keys() - before.keys() == PARKED_RULES
