"""What a pack objects to never reaches a provider."""

from __future__ import annotations

import json

import pytest

from rehearsal import project
from tests.engine.breakages import BREAKAGES
from tests.engine.conftest import Deploy
from tests.engine.deployment import CANARIES
from tests.planning import PROJECT

pytestmark = pytest.mark.engine

INSTALLED = [pack.name for pack in project.packs(PROJECT)]


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=name) for name, breakage in BREAKAGES.items() if breakage.pack in INSTALLED]
)
def test_a_violation_stops_up_before_anything_is_made(name: str, deploy: Deploy) -> None:
    deployment = deploy()
    BREAKAGES[name].make(deployment.project)
    outcome = deployment.up()
    assert outcome.code == 1
    assert "mandatory" in outcome.out
    assert deployment.changes(0) == []
    assert not [call for call in deployment.journal() if call["method"] == "Create"]
    assert deployment.state().get("resources", []) == []


def test_a_saved_plan_does_not_get_past_the_packs(deploy: Deploy) -> None:
    deployment = deploy()
    deployment.set("readSecretsInPreview", True)
    plan = deployment.folder / "plan.json"
    saved = deployment.run("preview", "--save-plan", str(plan))
    assert saved.code == 0, saved.out
    assert not [canary for canary in CANARIES if canary in plan.read_text()]
    BREAKAGES["every action of IAM on everything"].make(deployment.project)
    outcome = deployment.up("--plan", str(plan))
    assert outcome.code == 1
    assert deployment.changes(0) == []


def test_a_saved_plan_whose_secret_is_a_stand_in_is_refused(deploy: Deploy) -> None:
    deployment = deploy()
    outcome = deployment.up("--plan", "plan.json")
    assert outcome.code == 2
    assert "readSecretsInPreview" in outcome.out
    assert deployment.journal() == []


def test_options_in_the_environment_that_could_skip_the_gate_are_refused(deploy: Deploy) -> None:
    deployment = deploy()
    deployment.environment["PULUMI_OPTION_SKIP_PREVIEW"] = "true"
    outcome = deployment.up()
    assert outcome.code == 2
    assert "PULUMI_OPTION_SKIP_PREVIEW" in outcome.out
    assert deployment.journal() == []


def test_every_pack_is_attached_with_its_configuration(deploy: Deploy) -> None:
    deployment = deploy("dev")
    packs = deployment.project / "policies"
    checkout = packs.resolve()
    packs.unlink()
    packs.mkdir()
    for entry in checkout.iterdir():
        if entry.name != "config":
            (packs / entry.name).symlink_to(entry)
    (packs / "config").mkdir()
    waiver = {"resource": "x", "reason": "a waiver of a test", "owner": "nobody", "expires": "2020-01-01"}
    (packs / "config" / "naming.dev.json").write_text(json.dumps({"missing-tags": {"waivers": [waiver]}}))
    outcome = deployment.run("preview")
    assert outcome.code == 1
    assert "expired on 2020-01-01" in outcome.out
    for pack in project.packs(deployment.project):
        assert f"(local: {pack})" in outcome.out
