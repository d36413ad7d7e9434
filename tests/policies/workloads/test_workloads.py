"""The tables beside this file: what the workloads pack lets pass, and what it refuses."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
from botocore.model import ListShape, Shape, StructureShape

from policies.workloads.container_definitions import NAMES
from tests.policies.analyzer import PROJECT, SETTINGS, Json, StartPack
from tests.policies.tables import Tables, planned, rules

TABLES: Final = Tables(Path(__file__).parent, canaries=("canary", "CANARY"))

VARIABLES: Final = {
    "prod-backstage": {
        "BACKSTAGE_DATABASE_URL": "secret:prod/backstage/database-url",
        "AUTH_SESSION_SECRET": "secret:prod/backstage/session-secret",
        "PGUSER": "secret:prod/backstage/db#username",
        "AUTH_AWSALB_SIGNER": "parameter:/prod/backstage/load_balancer_arn",
    }
}
ROLES: Final[dict[str, Json]] = {
    "prod-backstage": {"executionRoleArn": "prod-backstage-execution", "taskRoleArn": "prod-backstage-task"},
    "prod-ork-processor": {"role": "prod-ork-processor"},
}
CONFIG: Final[dict[str, dict[str, Json]]] = {
    "undeclared-injection": {"variables": VARIABLES},
    "undeclared-role": {"roles": ROLES},
    "undeclared-wiring": {
        "wires": {
            "prod-backstage": {"networkConfiguration": ["prod-backstage"], "taskDefinition": ["prod-backstage"]},
            "prod-rocketclub": {"vpcSecurityGroupIds": ["prod-database"]},
            "/prod/infra/database_host": {"insecureValue": ["prod-rocketclub"]},
        }
    },
    "undeclared-tasks": {"most": {"prod-backstage": 2}},
    "undeclared-route": {"routes": {"portal.example.com": "prod-portal"}},
    "undeclared-connection": {
        "connections": {"prod-backstage": ["prod-edge:7007"], "prod-database": ["prod-backstage:5432"]}
    },
    "unwired-workload": {"families": [*VARIABLES]},
    "half-parked": {"marker": "/prod/infra/park_mode"},
    "foreign-snapshot": {"agreed": ["what-was-there"]},
}


@pytest.mark.parametrize(("row", "value"), list(TABLES.parameters("passes")))
def test_listed_values_pass(pack: StartPack, row: dict[str, Any], value: Json) -> None:
    found = TABLES.judged(pack("workloads", config=CONFIG), TABLES.with_value(row, value))
    assert not found, [item.message for item in found]


@pytest.mark.parametrize(("row", "value"), list(TABLES.parameters("fails")))
def test_listed_values_break_their_rule(pack: StartPack, row: dict[str, Any], value: Json) -> None:
    found = TABLES.judged(pack("workloads", config=CONFIG), TABLES.with_value(row, value))
    assert rules(found) == {row["rule"], *row.get("also", ())}


@pytest.mark.parametrize("row", TABLES.stacks, ids=lambda row: row["id"])
def test_changed_stacks_break_the_listed_rules(pack: StartPack, row: dict[str, Any]) -> None:
    assert rules(TABLES.judged(pack("workloads", config=CONFIG), TABLES.changed(row))) == set(row["rules"])


def test_the_unchanged_stack_passes(pack: StartPack) -> None:
    assert pack("workloads", config=CONFIG).everything(planned(TABLES.stack)) == []


def test_every_rule_has_cases(pack: StartPack) -> None:
    assert TABLES.tested_rules() == set(pack("workloads").rules)


def test_without_a_catalogue_no_injected_value_passes(pack: StartPack) -> None:
    undeclared = {f"undeclared-{what}" for what in ("injection", "role", "wiring", "connection", "tasks")}
    assert rules(pack("workloads").everything(planned(TABLES.stack))) == undeclared


@pytest.mark.parametrize(
    ("rule", "config", "changes", "found"),
    [
        ("wide-egress", {"ports": [443, 22]}, {"outward": {"fromPort": 22, "toPort": 22}}, set()),
        ("wide-egress", {"ports": []}, {}, {"wide-egress"}),
        ("short-backups", {"days": 30}, {}, {"short-backups"}),
        ("foreign-snapshot", {"agreed": ["old"]}, {"database": {"snapshotIdentifier": "old"}}, set()),
        ("lost-dead-letters", {"tries": 6}, {}, {"lost-dead-letters"}),
        ("half-parked", {"marker": "/prod/infra/park_mode", "setting": "other"}, {}, {"half-parked"}),
        ("half-parked", {"marker": ""}, {"service": {"desiredCount": 0}}, set()),
        ("default-administrator", {"refused": ["keeper"]}, {}, {"default-administrator"}),
        ("old-platform", {"versions": ["1.4.0"]}, {}, {"old-platform"}),
        ("old-runtime", {"runtimes": ["python3.14"]}, {}, {"old-runtime"}),
        ("unagreed-capacity", {"classes": []}, {}, {"unagreed-capacity"}),
        ("undeclared-tasks", {"most": {"prod-backstage": 4}}, {"service": {"desiredCount": 2}}, set()),
        ("foreign-registry", {"registries": ["public.ecr.aws"]}, {}, set()),
    ],
)
def test_configuration_decides_what_passes(
    pack: StartPack, rule: str, config: dict[str, Json], changes: dict[str, Any], found: set[str]
) -> None:
    judge = pack("workloads", config={**CONFIG, rule: config})
    assert rules(judge.everything(planned(TABLES.changed({"set": changes})))) == found


def test_a_database_may_be_deletable_with_a_waiver_or_outside_production(pack: StartPack) -> None:
    deletable = {"set": {"database": {"deletionProtection": False}}, "protect": {"database": False}}
    today = dt.datetime.now(dt.UTC).date()
    waiver = {"resource": "database", "reason": "Parked for the winter", "owner": "platform", "expires": str(today)}
    allowed = {"deletable-database": {"waivers": [waiver]}}
    resources = planned(TABLES.changed(deletable))
    assert rules(pack("workloads", config=CONFIG).everything(resources)) == {"deletable-database"}
    assert rules(pack("workloads", config=CONFIG | allowed).everything(resources)) == set()
    waiver["expires"] = str(today - dt.timedelta(days=1))
    assert rules(pack("workloads", config=CONFIG | allowed).everything(resources)) == {"deletable-database"}
    elsewhere = pack("workloads", "dev", CONFIG)
    assert rules(elsewhere.everything(planned(TABLES.changed(deletable), "dev"))) == set()


PARKED: Final[dict[str, dict[str, Json]]] = {
    "service": {"desiredCount": 0},
    "marker": {"insecureValue": "parked"},
    "database": {"serverlessv2ScalingConfiguration": {"minCapacity": 0}},
}
CLOSED: Final[dict[str, Json]] = {
    "type": "aws:lb/listenerRule:ListenerRule",
    "properties": {
        "conditions": [{"hostHeader": {"values": ["portal.example.com"]}}],
        "actions": [{"type": "fixed-response", "fixedResponse": {"statusCode": "503"}}],
    },
}


@pytest.mark.parametrize(
    ("set_", "add", "found"),
    [
        ({}, {"closed": CLOSED}, set()),
        ({}, {}, {"half-parked"}),
        ({"service": {"desiredCount": 1}}, {"closed": CLOSED}, {"half-parked"}),
        ({"database": {"serverlessv2ScalingConfiguration": {"minCapacity": 0.5}}}, {"closed": CLOSED}, {"half-parked"}),
        ({"database": {}}, {"closed": CLOSED}, {"half-parked"}),
        (
            {},
            {"closed": CLOSED, "nat": {"type": "aws:ec2/natGateway:NatGateway", "properties": {}}},
            {"half-parked"},
        ),
        (
            {},
            {
                "closed": CLOSED,
                "starts": {
                    "type": "aws:iam/rolePolicy:RolePolicy",
                    "properties": {"policy": json.dumps({"Statement": [{"Action": ["ecs:RunTask"]}]})},
                },
            },
            {"half-parked"},
        ),
    ],
    ids=["parked", "open host", "service", "database", "unknown", "way out", "deployer"],
)
def test_a_parked_platform_must_be_completely_parked(
    pack: StartPack,
    set_: dict[str, Any],
    add: dict[str, Any],
    found: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SETTINGS, "workloads", SETTINGS["workloads"] | {f"{PROJECT}:parkMode": "parked"})
    judge = pack("workloads", "prod-parked", config=CONFIG)
    resources = planned(TABLES.changed({"set": PARKED | set_, "add": add}), judge.stack)
    assert rules(judge.stack_of(resources)) == found


def test_every_name_that_ecs_accepts_is_known() -> None:
    """An unknown name is refused, so a name that ECS adds must be listed before a task can use it."""
    model = botocore.session.get_session().get_service_model("ecs")
    assert set(_names(model.shape_for("ContainerDefinition"))) == NAMES


def _names(shape: Shape) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield name
            yield from _names(member)
    elif isinstance(shape, ListShape):
        yield from _names(shape.member)
