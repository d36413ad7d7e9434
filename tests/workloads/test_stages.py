"""Variants of the stack `lab`: what a first deploy creates before the services, and a function from an image.

The owner agrees to each variant, and then every pack judges it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml

from generators import expected_readers
from tests.agreeing import agree
from tests.owner import HERE, lay
from tests.planning import Plan, plan_only, rehearse
from tests.workloads import LAB

DIGEST: Final = "sha256:" + "4" * 64
SERVICES: Final = ("backstageImageDigest", "prefectImageDigest", "backstageSessionSecret")
ARCHIVE: Final = ("orkCodeBucket", "orkCodeKey", "orkCodeVersion", "orkCodeHash")
STAGES: Final[dict[str, Mapping[str, Any]]] = {
    "before the database": {
        **dict.fromkeys((*SERVICES, *ARCHIVE, "postgresqlImageDigest")),
        "databaseGeneration": 0,
    },
    "before the services": dict.fromkeys((*SERVICES, *ARCHIVE)),
    "a function of an image": {**dict.fromkeys(ARCHIVE), "orkImageDigest": DIGEST},
}
"""Stage -> changes to the stack file of `lab`; None removes a key."""
MADE: Final[dict[str, tuple[int, int, int, int]]] = {
    "before the database": (0, 0, 0, 0),
    "before the services": (1, 2, 0, 0),
    "a function of an image": (1, 6, 3, 1),
}
"""Stage -> how many database clusters, task definitions, services and functions it creates."""
TYPES: Final = (
    *("aws:rds/cluster:Cluster", "aws:ecs/taskDefinition:TaskDefinition"),
    *("aws:ecs/service:Service", "aws:lambda/function:Function"),
)
JUDGED_WHOLE: Final = ("policy", "assumeRolePolicy", "containerDefinitions", "imageUri", "redrivePolicy")
"""Inputs that rules read as a document or a name; an unknown part would keep them from being judged."""


BETWEEN: Final = "before the services"
"""This stage is tried at night only: the first one has no services either, and the last one has both."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.nightly if name == BETWEEN else ()) for name in STAGES],
)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Plan]:
    """Name and plan of a stack, once its owner has agreed to it."""
    folder = tmp_path_factory.mktemp("stage")
    project, output = lay(folder, HERE), folder / "plan.json"
    file = project / f"Pulumi.{LAB}.yaml"
    document = yaml.safe_load(file.read_text())
    given = document["config"] | STAGES[request.param]
    document["config"] = {key: value for key, value in given.items() if value is not None}
    file.write_text(yaml.safe_dump(document))
    assert plan_only(LAB, project, output).exit_code == 0
    expected_readers.write(project)
    agree(project, LAB, output, "--take-away")
    return request.param, rehearse(LAB, project, output)


def test_each_stage_passes_every_pack_without_a_waiver(stage: tuple[str, Plan]) -> None:
    _, plan = stage
    assert (plan.exit_code, plan.violations) == (0, []), plan.printed
    assert "waived" not in plan.printed


def test_each_stage_creates_what_can_run_by_then(stage: tuple[str, Plan]) -> None:
    name, plan = stage
    counted = Counter(step.type for step in plan.steps)
    assert tuple(counted[type_] for type_ in TYPES) == MADE[name]
    for function in plan.inputs("aws:lambda/function:Function"):
        assert function["imageUri"].endswith(f"@{DIGEST}")
        assert function["packageType"] == "Image"
        assert not {"handler", "runtime", "s3Bucket"} & function.keys()


def test_no_document_or_name_has_an_unknown_part(stage: tuple[str, Plan]) -> None:
    _, plan = stage
    judged = [(step.urn, key, step.inputs[key]) for step in plan.steps for key in JUDGED_WHOLE if key in step.inputs]
    assert len(judged) > 40
    assert [(urn, key) for urn, key, value in judged if plan.unknown in str(value)] == []
