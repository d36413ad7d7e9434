"""The setting `workloads`: which keys belong to which value, which are missing, and which contradict each other."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from components.settings import FIELDS, SECRET_KEYS, Settings, parse, placeholders
from components.settings_problems import ConfigurationError
from components.workload_settings import ELSEWHERE_KEYS
from generators.declared_injections import injections_file
from stackfiles.project import load
from tests.forks import NAME
from tests.owner import HERE, lay, owned, owned_here
from tests.planning import plan_of
from tests.workloads import LAB

MADE_HERE: Final = re.compile(
    r"aws:(ec2/(?!securityGroup:)|ecs/|rds/|servicediscovery/|lambda/|sqs/|cloudwatch/(logGroup|metricAlarm):"
    r"|s3/bucketNotification:)"
)


def parsed(stack: str, changes: Mapping[str, str]) -> Settings:
    """The settings of a stack with some keys changed, or removed if the value is None."""
    project = load(owned_here() if stack == LAB else owned(), stack)
    config = {**project.config, **{f"{NAME}:{key}": value for key, value in placeholders().items()}}
    config |= {f"{NAME}:{key}": value for key, value in changes.items()}
    given = {key: value for key, value in config.items() if value is not None}
    return parse(NAME, stack, given, [f"{NAME}:{key}" for key in SECRET_KEYS])


def problems(stack: str, **changes: Any) -> list[str]:  # noqa: ANN401 - a value, or None
    try:
        parsed(stack, changes)
    except ConfigurationError as error:
        return error.problems
    return []


def test_both_kinds_of_stack_have_no_problems() -> None:
    assert (problems("prod"), problems(LAB)) == ([], [])


def test_elsewhere_is_the_default_and_needs_all_ids() -> None:
    assert not parsed("prod", {}).here
    said = problems("prod", **dict.fromkeys(ELSEWHERE_KEYS, ""))
    assert [problem.partition(":")[0] for problem in said] == list(ELSEWHERE_KEYS)
    assert all(" is missing; accepted: " in problem for problem in said)


@pytest.mark.parametrize("key", ELSEWHERE_KEYS)
def test_here_refuses_ids_of_what_the_stack_creates(key: str) -> None:
    given = load(owned(), "prod").config[f"{NAME}:{key}"]
    assert problems(LAB, **{key: given}) == [
        f"{key}: the stack creates this itself; leave it empty, or set workloads `elsewhere`"
    ]


def test_here_names_follow_from_the_environment() -> None:
    settings = parsed(LAB, {})
    assert (settings.cluster, settings.deployer_task_family, settings.ork_function) == (
        "lab-services",
        "lab-prefect-deployer",
        "lab-ork-processor",
    )
    assert settings.vpc_id == ""


DIGEST: Final = "sha256:" + "3" * 64
TOGETHER: Final = {"backstageImageDigest": "", "prefectImageDigest": "", "backstageSessionSecret": ""}
ARCHIVE: Final = {"orkCodeBucket": "", "orkCodeKey": "", "orkCodeVersion": "", "orkCodeHash": ""}


@pytest.mark.parametrize(
    ("stack", "changes", "said"),
    [
        ("prod", {"prefectImageDigest": DIGEST}, ["prefectImageDigest: applies only with workloads `here`"]),
        ("prod", {"workloads": "there"}, ["workloads: `there` won't do; accepted: elsewhere or here"]),
        (LAB, TOGETHER, []),
        (LAB, {**TOGETHER, "databaseGeneration": "0"}, []),
        (LAB, {"databaseGeneration": "0"}, ["databaseGeneration: `0` means no database, but the services need one"]),
        (LAB, {"prefectImageDigest": ""}, ["prefectImageDigest: is missing, but set: backstageImageDigest"]),
        (LAB, {"prefectImageDigest": "latest"}, ["prefectImageDigest: `latest` won't do; accepted: an image's digest"]),
        ("prod", {"postgresqlImageDigest": DIGEST}, ["postgresqlImageDigest: applies only with workloads `here`"]),
        ("prod", {"orkCodeBucket": "releases"}, ["orkCodeBucket: applies only with workloads `here`"]),
        (LAB, {"postgresqlImageDigest": ""}, []),
        (LAB, ARCHIVE, []),
        (LAB, {**ARCHIVE, "orkImageDigest": DIGEST}, []),
        (
            LAB,
            {"orkImageDigest": DIGEST},
            ["orkImageDigest: can't be combined with orkCodeBucket, orkCodeHash, orkCodeKey, orkCodeVersion; accepted"],
        ),
        (
            LAB,
            {"orkCodeVersion": ""},
            [
                "orkCodeVersion: is missing, but set: orkCodeBucket, orkCodeHash, orkCodeKey; "
                "accepted: all four, or none"
            ],
        ),
        (LAB, {"orkCodeHash": "9f86d081"}, ["orkCodeHash: `9f86d081` won't do; accepted: the archive's SHA-256"]),
        (LAB, {"alarmTopicArn": "alarms"}, ["alarmTopicArn: `alarms` won't do; accepted: the ARN of an SNS topic"]),
        (
            LAB,
            {"backstageSessionSecret": "prod/backstage/session-secret-Yb8nR3"},
            ["backstageSessionSecret: `prod/backstage/session-secret-Yb8nR3` won't do; belongs to another environment"],
        ),
        (LAB, {"vpcCidr": "10.20.0.0/20"}, ["vpcCidr: `10.20.0.0/20` won't do; accepted: a private block"]),
        (LAB, {"vpcCidr": "8.8.0.0/16"}, ["vpcCidr: `8.8.0.0/16` won't do; accepted: a private block"]),
        (LAB, {"zones": '["a","a"]'}, ["zones: `['a', 'a']` won't do; accepted: two different letters"]),
        (LAB, {"natGateways": "3"}, ["natGateways: `3` won't do; accepted: 1 to 2"]),
        (LAB, {"databaseAdministrator": "postgres"}, ["databaseAdministrator: `postgres` won't do; accepted: 1 to 16"]),
        (LAB, {"databaseMinimumCapacity": "0.3"}, ["databaseMinimumCapacity: `0.3` won't do; accepted: Aurora"]),
        (LAB, {"databaseMinimumCapacity": "4"}, ["databaseMaximumCapacity: `2` is too low"]),
        (LAB, {"databaseMaximumCapacity": "0.5"}, ["databaseMaximumCapacity: `0.5` is too low"]),
        (
            LAB,
            {"databaseRestoreMode": "from_final_snapshot"},
            ["databaseRestoreMode: `from_final_snapshot` needs a snapshot, and generation 1 has none before it"],
        ),
        (LAB, {"databaseRestoreMode": "from_final_snapshot", "databaseSnapshot": "what-was-there"}, []),
        (LAB, {"databaseRestoreMode": "from_final_snapshot", "databaseGeneration": "2"}, []),
        (LAB, {"databaseWhenParked": "deleted"}, []),
        (
            LAB,
            {"databaseWhenParked": "stopped"},
            ["databaseWhenParked: `stopped` won't do; accepted: paused or deleted"],
        ),
        (
            LAB,
            {"parkMode": "parked", "databaseWhenParked": "deleted"},
            ["databaseWhenParked: `deleted` needs databaseDeletable `true`"],
        ),
        (LAB, {"parkMode": "parked", "databaseWhenParked": "deleted", "databaseDeletable": "true"}, []),
        (LAB, {"databaseSnapshot": "what-was-there"}, ["databaseSnapshot: applies only to generation 1"]),
    ],
)
def test_contradicting_keys_are_reported(stack: str, changes: dict[str, str], said: list[str]) -> None:
    found = problems(stack, **changes)
    assert len(found) == len(said), found
    assert all(problem.startswith(wanted) for problem, wanted in zip(found, said, strict=True)), found


def test_the_gate_expects_the_tasks_whose_images_are_given(tmp_path: Path) -> None:
    """A first deploy gives the image of the database's tasks before those of the services."""
    project = lay(tmp_path, HERE)
    file = project / f"Pulumi.{LAB}.yaml"
    without = [line for line in file.read_text().splitlines() if not line.strip().startswith(tuple(TOGETHER))]
    file.write_text("\n".join(without))
    _, text = injections_file(project, LAB)
    assert json.loads(text)["unwired-workload"]["families"] == [
        "lab-backstage-db-bootstrap",
        "lab-backstage-db-inspect",
    ]


def test_every_key_is_declared_with_a_default() -> None:
    """The engine requires every key without a default, and neither kind of stack has all keys."""
    declared = load(owned_here(), LAB)
    assert {key for key in FIELDS if ":" not in key and f"{NAME}:{key}" not in declared.config} <= {
        *SECRET_KEYS,
        "immutable",
        "keptDifferences",
        "rolePath",
    }


def test_elsewhere_creates_no_workload() -> None:
    for stack in ("prod", "dev"):
        assert [step.urn for step in plan_of(stack).steps if MADE_HERE.match(step.type)] == []
