"""Resources that others created: settings give the properties that AWS can't change, and owners must agree to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from components.immutable import KINDS
from generators.expected_readers import write
from policies.inventory.agreement import __main__ as agreement
from tests.planning import Plan, copy_project, plan_of, rehearse
from tests.runbooks import runbook

TASK: Final = "prod-backstage-task"
BOUNDARY: Final = "prod-workload-boundary"
IMMUTABLE: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = yaml.safe_load(runbook("adopting").blocks("yaml")[0])[
    "immutable"
]
"""One entry of each kind that the setting accepts, as in the runbook."""
AGREED: Final[Mapping[str, Mapping[str, Any]]] = {
    "naming": {
        "misplaced-iam-resource": {"path": "/"},
        "misnamed-role": {"agreed": ["backstage-role"]},
        "misnamed-policy": {"agreed": ["backstage_access", "ecs-boundary"]},
        "misnamed-bucket": {"agreed": ["acme-raw-data"]},
        "misnamed-load-balancer": {"agreed": ["acme-alb", "backstage-tg"]},
        "misnamed-security-group": {"agreed": ["alb"]},
    },
    "entry_points": {"unguarded-egress": {"ports": [7007, 4200]}},
}
"""Pack -> the configuration that owners write by hand."""


def configured(folder: Path, **settings: Any) -> Path:  # noqa: ANN401 - as YAML has it
    """Return a copy of the project whose production stack has more settings."""
    project = copy_project(folder)
    file = project / "Pulumi.prod.yaml"
    document = yaml.safe_load(file.read_text())
    document["config"] |= settings
    file.write_text(yaml.safe_dump(document))
    return project


def agree(monkeypatch: pytest.MonkeyPatch, project: Path, plan: Path) -> None:
    """Write what follows from settings and plan, as the commands do, and what owners write by hand."""
    write(project)
    where = ("--stack", "prod", "--plan", str(plan), "--project", str(project))
    monkeypatch.setattr("sys.argv", ["agreement", "write", "--yes", "--take-away", *where])
    assert agreement.main() == 0
    for pack, config in AGREED.items():
        (project / "policies" / "config" / f"{pack}.prod.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def taken_over(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Plan]:
    """The plans of a stack that takes over resources with other names: before its owners agree, and after."""
    folder = tmp_path_factory.mktemp("taken-over")
    project = configured(folder, rolePath="/", immutable=IMMUTABLE)
    before = rehearse("prod", project, folder / "plan.json")
    with pytest.MonkeyPatch.context() as monkeypatch:
        agree(monkeypatch, project, folder / "plan.json")
    return before, rehearse("prod", project, folder / "agreed.json")


def test_the_gate_refuses_existing_resources_until_the_owners_agree(taken_over: tuple[Plan, Plan]) -> None:
    before, after = taken_over
    assert before.exit_code == 1
    assert before.rules >= {
        *(f"naming/{rule}" for rule in AGREED["naming"]),
        "entry-points/unguarded-egress",
        "inventory/pinned-role",
        "inventory/pinned-target",
        "least-privilege/secret-readers",
    }
    assert (after.exit_code, after.violations) == (0, []), after.printed


def test_resources_have_the_values_that_the_settings_give(taken_over: tuple[Plan, Plan]) -> None:
    _, plan = taken_over
    assert IMMUTABLE.keys() == KINDS.keys()
    for type_, name, values in (
        ("aws:iam/role:Role", TASK, {"name": "backstage-role", "path": "/"}),
        ("aws:iam/rolePolicy:RolePolicy", TASK, {"name": "backstage_access", "role": "backstage-role"}),
        ("aws:iam/policy:Policy", BOUNDARY, {"path": "/", **IMMUTABLE["policies"][BOUNDARY]}),
        ("aws:s3/bucketPolicy:BucketPolicy", "prod-blog-data-raw", {"bucket": "acme-raw-data"}),
        ("aws:lb/loadBalancer:LoadBalancer", "prod-edge", {"name": "acme-alb"}),
        ("aws:lb/targetGroup:TargetGroup", "prod-portal", {"name": "backstage-tg", "port": 80}),
        ("aws:ec2/securityGroup:SecurityGroup", "prod-edge", IMMUTABLE["securityGroups"]["prod-edge"]),
        ("aws:acm/certificate:Certificate", "acm-alb-origin", {"keyAlgorithm": "RSA_2048"}),
        ("aws:acm/certificate:Certificate", "acm-viewer", {"keyAlgorithm": "EC_prime256v1"}),
    ):
        (inputs,) = [step.inputs for step in plan.steps if step.urn.endswith(f"{type_}::{name}")]
        assert values.items() <= inputs.items()


def test_policies_use_the_names_that_the_resources_have_in_aws(taken_over: tuple[Plan, Plan]) -> None:
    _, plan = taken_over
    documents = {
        step.urn.rpartition("::")[2]: json.loads(step.inputs["policy"])
        for step in plan.steps
        if step.type in ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy")
    }
    allowed = {
        (name, statement["Sid"]): statement["Resource"]
        for name, document in documents.items()
        for statement in document["Statement"]
    }
    account = "arn:aws:iam::123456789012:"
    assert allowed["prod-ci-look", "LookAtRoles"] == [f"{account}role/prod-*", f"{account}role/backstage-role"]
    assert f"{account}role/backstage-role" in allowed["prod-ci-deploy", "ManageRoles"]
    assert "arn:aws:s3:::acme-raw-data/*" in allowed[TASK, "ReadAndWriteData"]
    assert ":loadbalancer/app/acme-alb/" in allowed["prod-ci-load-balancer", "ManageLoadBalancer"]
    (limit,) = [
        statement["Condition"]
        for statement in documents["prod-ci-deploy"]["Statement"]
        if statement["Sid"] == "MakeBoundedRoles"
    ]
    assert limit == {"StringEquals": {"iam:PermissionsBoundary": f"{account}policy/ecs-boundary"}}


def test_no_logical_name_changes(taken_over: tuple[Plan, Plan]) -> None:
    """Logical names don't change, so removing these settings later replaces nothing else."""
    _, plan = taken_over
    assert {step.urn for step in plan.steps} == {step.urn for step in plan_of("prod").steps}


def test_a_new_role_can_be_created_beside_the_old_one(tmp_path: Path) -> None:
    """The old role keeps its name and path; its users move to the new role before the old one is deleted."""
    project = configured(tmp_path, immutable={"roles": {TASK: {"name": "prod-backstage-task-2"}}})
    plan = rehearse("prod", project, tmp_path / "plan.json", packs=["naming"])
    assert plan.violations == []
    (new,) = [role for role in plan.inputs("aws:iam/role:Role") if role["name"] == "prod-backstage-task-2"]
    assert new["path"] == "/rocketclub-platform/prod/"
