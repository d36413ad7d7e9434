"""Differences that are kept as they run: the engine ignores them, and the gate wants a waiver with an end date."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from components import settings
from components.settings_problems import ConfigurationError
from stackfiles import project
from tests.owner import owned
from tests.planning import copy_project, rehearse

ROLE = "aws:iam/role:Role::prod-backstage-task"
WAIVED = "aws:iam/role:Role::prod-backstage-execution"


def test_a_kept_difference_is_ignored_by_the_engine_and_needs_a_waiver(tmp_path: Path) -> None:
    folder = copy_project(tmp_path)
    file = folder / "Pulumi.prod.yaml"
    document = yaml.safe_load(file.read_text())
    document["config"]["keptDifferences"] = [f"path of {ROLE}", f"description of {ROLE}", f"path of {WAIVED}"]
    file.write_text(yaml.safe_dump(document))
    config = folder / "policies" / "config" / "inventory.prod.json"
    rules = json.loads(config.read_text())
    end = datetime.now(UTC).date() + timedelta(days=90)
    waiver = {"resource": WAIVED.rpartition("::")[2], "reason": "its tasks hold the old ARN", "owner": "platform"}
    rules["ignored-changes"] = {"waivers": [{**waiver, "expires": str(end)}]}
    config.write_text(json.dumps(rules))
    output = tmp_path / "plan.json"
    plan = rehearse("prod", folder, output)
    states = [step["newState"] for step in json.loads(output.read_text())["steps"]]
    ignoring = {state["urn"].rpartition("$")[2]: state["ignoreChanges"] for state in states if "ignoreChanges" in state}
    assert ignoring == {ROLE: ["path", "description"], WAIVED: ["path"]}
    assert plan.rules == {"inventory/ignored-changes"}
    assert {item["urn"].rpartition("$")[2] for item in plan.violations} == {ROLE}, "the other one is waived"


def test_a_difference_of_a_resource_that_the_program_does_not_make_is_an_error(tmp_path: Path) -> None:
    """With a mistyped name, the difference that was to be kept would be changed."""
    folder = copy_project(tmp_path)
    with (folder / "Pulumi.prod.yaml").open("a") as file:
        file.write("  keptDifferences: [path of aws:iam/role:Role::prod-backstage-tsk]\n")
    plan = rehearse("prod", folder, tmp_path / "plan.json")
    assert plan.exit_code == 1
    assert "keptDifferences: the program has no aws:iam/role:Role::prod-backstage-tsk" in plan.printed


@pytest.mark.parametrize("entry", ["path", "path of prod-backstage-task", "* of aws:iam/role:Role::x", ""])
def test_an_entry_that_names_no_property_of_a_resource_is_refused(entry: str) -> None:
    read = project.load(owned(), "prod")
    config = {**read.config, f"{read.name}:keptDifferences": json.dumps([entry])}
    config |= {
        f"{read.name}:{key}": text for key, text in settings.placeholders().items() if key == "originHeaderSecret"
    }
    with pytest.raises(ConfigurationError, match="accepted: PROPERTY of TYPE::NAME"):
        settings.parse(read.name, "prod", config, read.secret_keys)
