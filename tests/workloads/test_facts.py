"""The plan of a stack that creates its workloads, compared with the table of facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
from botocore.validate import ParamValidator

from components.catalogue import SECRETS, Workload
from components.containers import CONTAINERS, SESSION_SECRET
from components.members import MEMBERS
from corpus.families import read
from tests.owner import HERE
from tests.planning import Plan, Step
from tests.workloads import LAB

FACTS: Final = read(Path(__file__).with_name("facts.yaml"))
BUILT_FOR_WORKLOADS: Final = re.compile(
    r"aws:(ec2/(?!securityGroup:)|ecs/|rds/|servicediscovery/|lambda/|sqs/|cloudwatch/metricAlarm:|s3/bucketNotification:)"
)

# Who opens a connection, who accepts it, and on which port.
CONNECTIONS: Final = {
    ("edge", "backstage", 7007),
    ("edge", "prefect-api", 4200),
    ("prefect-worker", "prefect-api", 4200),
    ("prefect-deployer", "prefect-api", 4200),
    ("backstage", "database", 5432),
    ("prefect-api", "database", 5432),
    ("database-tasks", "database", 5432),
}
TO_THE_INTERNET: Final = {
    ("edge", 443),
    *((member, 443) for member in ("backstage", "prefect-api", "prefect-worker", "prefect-deployer", "database-tasks")),
    ("prefect-worker", 7687),
}


def named(step: Step) -> str:
    return step.urn.rpartition("::")[2]


def at(inputs: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - what JSON gives
    """The value at a path, or "absent"."""
    steps = path.split(".")
    value: Any = inputs
    if steps[0] == "containers":
        value = {"containers": json.loads(inputs["containerDefinitions"])}
    for step in steps:
        if isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else "absent"
        else:
            value = value.get(step, "absent") if isinstance(value, dict) else "absent"
    return "unknown" if value == Plan.unknown else value


def fits(found: object, wanted: object) -> bool:
    if isinstance(wanted, str) and "..." in wanted:
        pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
        return isinstance(found, str) and bool(re.fullmatch(pattern, found))
    return found == wanted


@pytest.mark.parametrize("row", FACTS, ids=lambda row: row["fact"])
def test_the_plan_has_each_fact(lab: Plan, row: dict[str, Any]) -> None:
    steps = [
        step for step in lab.steps if step.type.startswith(f"aws:{row['type']}:") and row["name"] in ("*", named(step))
    ]
    assert steps, f"there is no {row['name']} of {row['type']}"
    found = {named(step): {path: at(step.inputs, path) for path in row["values"]} for step in steps}
    assert [
        (name, path, value, row["values"][path])
        for name, values in found.items()
        for path, value in values.items()
        if not fits(value, row["values"][path])
    ] == []


def test_every_type_has_facts(lab: Plan) -> None:
    made = {
        step.type.partition(":")[2].rpartition(":")[0] for step in lab.steps if BUILT_FOR_WORKLOADS.match(step.type)
    }
    bare = {
        # These have no properties but the resources that they belong to.
        *("ec2/internetGateway", "ec2/eip", "ec2/natGateway", "ec2/routeTable", "ec2/routeTableAssociation"),
        "rds/subnetGroup",
    }
    assert made - bare == {row["type"] for row in FACTS} - {"cloudwatch/logGroup"}


def test_the_stack_passes_the_gate_without_waivers(lab: Plan) -> None:
    assert (lab.exit_code, lab.violations) == (0, []), lab.printed
    for file in (HERE / "policies" / "config").glob("*.json"):
        assert "waivers" not in file.read_text(), file.name


def test_security_groups_allow_exactly_the_listed_connections(lab: Plan) -> None:
    """Each connection has a rule at both ends, and the rules' names say which ends."""
    rules = [step for step in lab.steps if step.type.startswith("aws:vpc/securityGroup")]
    ends: dict[str, set[tuple[str, str, int]]] = {"Ingress": set(), "Egress": set()}
    internet, elsewhere = set(), set()
    labels = {"portal": "backstage", "pipelines": "prefect-api", "load-balancer": "edge"}
    for rule in rules:
        port = rule.inputs["fromPort"]
        assert (rule.inputs["ipProtocol"], rule.inputs["toPort"]) == ("tcp", port)
        direction = "Ingress" if "Ingress" in rule.type else "Egress"
        own, _, other = named(rule).removeprefix(f"{LAB}-").partition("-from-" if direction == "Ingress" else "-to-")
        other = labels.get(other, other)
        if "referencedSecurityGroupId" in rule.inputs:
            ends[direction].add((other, own, int(port)) if direction == "Ingress" else (own, other, int(port)))
        elif rule.inputs.get("cidrIpv4") == "0.0.0.0/0" and direction == "Egress":
            internet.add((own, int(port)))
        else:
            elsewhere.add((named(rule), rule.inputs.get("prefixListId")))
    assert ends["Egress"] == CONNECTIONS
    # From outside, the load balancer lets in only CloudFront.
    assert ends["Ingress"] == CONNECTIONS
    assert internet == TO_THE_INTERNET
    assert elsewhere == {(f"{LAB}-edge-from-cloudfront", "pl-a3a144ca")}


def test_every_workload_has_a_group_and_a_task() -> None:
    assert set(MEMBERS) == set(CONTAINERS) == set(Workload)


def test_only_the_session_secret_looks_like_a_full_arn() -> None:
    """ECS accepts a name without its suffix, unless the name ends in a hyphen and six characters."""
    alike = [
        secret.path
        for secret in SECRETS
        if re.search(r"-\w{6}$", secret.path) and any(consumer.variable for consumer in secret.consumers)
    ]
    assert alike == [SESSION_SECRET]


def test_containers_fit_the_model_of_ecs(lab: Plan) -> None:
    """The pack `acceptance` checks the rest of the plan against AWS's models: docs/accepted.md."""
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    tasks = lab.inputs("aws:ecs/taskDefinition:TaskDefinition")
    assert shape
    assert tasks
    for task in tasks:
        given = {"family": task["family"], "containerDefinitions": json.loads(task["containerDefinitions"])}
        assert ParamValidator().validate(given, shape).generate_report() == ""
