"""The packs stop a violation before it reaches a provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.breakages import ONE_A_PACK, break_project
from tests.engine.conftest import Deploy
from tests.engine.deployment import CANARIES

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ONE_A_PACK])
def test_a_violation_stops_up_before_anything_is_created(row: dict[str, Any], deploy: Deploy) -> None:
    deployment = deploy()
    break_project(deployment.project, row)
    outcome = deployment.up()
    assert outcome.code == 1
    assert "mandatory" in outcome.out
    assert deployment.changes(0) == []
    assert not [call for call in deployment.journal() if call["method"] == "Create"]
    assert deployment.state().get("resources", []) == []


def test_the_packs_judge_a_saved_plan_too(deploy: Deploy) -> None:
    deployment = deploy()
    deployment.set("readSecretsInPreview", True)
    plan = deployment.folder / "plan.json"
    saved = deployment.run("preview", "--save-plan", str(plan))
    assert saved.code == 0, saved.out
    assert not [canary for canary in CANARIES if canary in plan.read_text()]
    break_project(deployment.project, ONE_A_PACK[0])
    outcome = deployment.up("--plan", str(plan))
    assert outcome.code == 1
    assert deployment.changes(0) == []


def test_a_saved_plan_without_the_real_secret_is_refused(deploy: Deploy) -> None:
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
    waiver = {"resource": "x", "reason": "a waiver of a test", "owner": "nobody", "expires": "2020-01-01"}
    config = deployment.project / "policies" / "config" / "naming.dev.json"
    config.write_text(json.dumps({"missing-tags": {"waivers": [waiver]}}))
    outcome = deployment.run("preview")
    assert outcome.code == 1
    assert "expired on 2020-01-01" in outcome.out
    assert "gate/serve)" in outcome.out
    # A violation is shown under the name of its own pack.
    assert "naming@v" in outcome.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"missing-tag": "advisory"}', "there is no such rule; did you mean `missing-tags`?"),
        ('{"missing-tags": {"required": "Owner"}}', "`required` has the wrong type"),
    ],
)
def test_configuration_that_fits_no_rule_stops_up(deploy: Deploy, text: str, said: str) -> None:
    deployment = deploy("dev")
    (deployment.project / "policies" / "config" / "naming.dev.json").write_text(text)
    outcome = deployment.up()
    assert outcome.code != 0
    assert said in outcome.out
    assert deployment.changes(0) == []
