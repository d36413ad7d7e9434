"""A stack that makes its workloads, on the real engine: made, left alone, given a new image, destroyed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.deployment import Deployment, prepared
from tests.owner import HERE, lay
from tests.planning import plan_of
from tests.workloads import LAB

pytestmark = pytest.mark.engine

ADMINISTRATOR = "canary-administrator-password"
SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
CLUSTER = "aws:rds/cluster:Cluster"
ROUTE = "aws:ec2/route:Route"
LISTENER_RULE = "aws:lb/listenerRule:ListenerRule"


def with_administrator(deployment: Deployment, user: str = "dbadmin") -> None:
    """Have Secrets Manager answer for the database's administrator too."""
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


def test_the_life_of_workloads(tmp_path: Path) -> None:
    """One stack goes through all of it: each part would take another first update."""
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
        assert services == ["lab-prefect-api-service", "lab-prefect-worker-service", "lab-backstage-service"]
        # Tasks find their image, their database and their way to both.
        first = made.index(("Create", services[0]))
        assert {("Create", "lab-database"), ("Create", "lab-private-a"), ("Create", "lab-private-b")} <= set(
            made[:first]
        )
        assert ADMINISTRATOR not in deployment.state_file.read_text()

        before = len(deployment.journal())
        assert deployment.up().code == 0
        assert deployment.changes(before) == []

        # One commit with a change on either side: CI's jobs apply them one after the other, with a role for each.
        before = len(deployment.journal())
        deployment.set("prefectImageDigest", "sha256:" + "4" * 64)
        deployment.set("sessionSeconds", 3600)
        outcome = deployment.up("--without-workloads")
        assert outcome.code == 0, outcome.out
        assert deployment.changes(before) == [("Update", LISTENER_RULE)] * 2

        before = len(deployment.journal())
        outcome = deployment.up()
        assert outcome.code == 0, outcome.out
        rolled = order(deployment, before, SERVICE, TASK)
        prefect = ("lab-prefect-api", "lab-prefect-worker", "lab-prefect-deployer")
        assert {name for method, name in rolled if method == "Create"} == set(prefect)
        assert [name for method, name in rolled if method == "Update"] == services[:2]
        assert {type_ for _, type_ in deployment.changes(before)} == {SERVICE, TASK}

        outcome = deployment.run("destroy", "--confirm", LAB)
        assert outcome.code == 0, outcome.out
        assert deployment.existing() == []
    finally:
        deployment.attached.stop()
