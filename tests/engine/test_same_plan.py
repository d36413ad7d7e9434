"""Both engines plan the same resources and reach the same verdicts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components import settings
from review.__main__ import main as review_main
from stackfiles import project
from tests.breakages import BREAKAGES, ONE_A_PACK, break_project
from tests.engine import engine_preview
from tests.engine.deployment import HEADER_SECRET
from tests.owner import FILES, owned
from tests.planning import PROJECT, copy_project, rehearse
from tests.rehearsal.conftest import PROGRAMS

pytestmark = pytest.mark.engine

MASK = "[secret]"
STAND_IN = settings.placeholders()["originHeaderSecret"]


def embedded(folder: Path, stack: str, output: Path) -> dict[str, Any]:
    plan = rehearse(stack, folder, output)
    assert output.exists(), plan.printed
    document: dict[str, Any] = json.loads(output.read_text())
    return document


def as_the_engine_masks(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Mask a whole list if one of its elements holds a secret.

    The engine does so if a provider's `Check` answers without secret marks (annotateSecrets in
    sdk/go/common/resource/plugin of pulumi/pulumi); the embedded engine's plan hides only the secret value.
    """
    if isinstance(value, dict):
        return {key: as_the_engine_masks(item) for key, item in value.items()}
    if isinstance(value, list):
        return MASK if MASK in json.dumps(value) else [as_the_engine_masks(item) for item in value]
    return value


def comparable(steps: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Everything that both engines say about each resource, by URN, with sets in order."""
    found = {}
    for step in steps:
        # Only the real engine says where in the program a resource is registered. Only the embedded one says which
        # aliases it would follow, in which order it would replace, and which lines wrote a statement.
        left_out = ("stackTrace", "aliases", "deleteBeforeReplace", "statementLines")
        state = {key: value for key, value in step["newState"].items() if key not in left_out}
        if state["type"] == "pulumi:pulumi:Stack":
            state.pop("sourcePosition", None)  # a line in the SDK
        # The embedded engine decrypts nothing, so a secret that a breakage shows is its stand-in.
        inputs = json.loads(json.dumps(state.get("inputs", {})).replace(HEADER_SECRET, STAND_IN))
        state["inputs"] = as_the_engine_masks(inputs) if state["custom"] else inputs
        state["dependencies"] = sorted(state.get("dependencies", []))
        state["propertyDependencies"] = {
            key: sorted(urns) for key, urns in state.get("propertyDependencies", {}).items() if urns
        }
        found[step["urn"]] = {"op": step["op"], "provider": step.get("provider"), **state}
    assert len(found) == len(steps)
    return found


def differences(mine: dict[str, dict[str, Any]], real: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, Any]]:
    """The differences between the embedded engine and the real one, by resource and key."""
    return {
        f"{urn} {key}": (ours.get(key), theirs.get(key))
        for urn in {*mine, *real}
        for ours, theirs in [({**mine.get(urn, {})}, {**real.get(urn, {})})]
        for key in {*ours, *theirs}
        if ours.get(key) != theirs.get(key)
    }


def verdicts(violations: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How often each pack said what about which resource, at which level and line of the program."""
    said = ("pack", "policy", "level", "severity", "urn", "message", "sourcePosition")
    return Counter(
        json.dumps(
            # The stack itself comes from a line of the SDK, which only the real engine reports.
            {key: "" if "/site-packages/" in violation[key] else violation[key] for key in said},
            sort_keys=True,
        )
        for violation in violations
    )


def compare(folder: Path, stack: str, scratch: Path) -> engine_preview.Seen:
    real = engine_preview.preview(folder, stack)
    mine = embedded(folder, stack, scratch / "embedded.json")
    assert real.steps, real.printed
    # The embedded engine gives the line of the statement that a message names, the real one the resource's.
    lines = {step["urn"]: step["newState"].get("sourcePosition", "") for step in mine["steps"] if "newState" in step}
    for violation in mine["policyViolations"]:
        violation["sourcePosition"] = lines.get(violation["urn"], violation["sourcePosition"])
    assert differences(comparable(mine["steps"]), comparable(real.steps)) == {}
    assert verdicts(mine["policyViolations"]) == verdicts(real.violations)
    assert mine["policyEnforcement"] == real.enforcement
    return real


def test_both_engines_transform_alike(tmp_path: Path) -> None:
    folder = copy_project(tmp_path)
    (folder / "__main__.py").write_text((PROGRAMS / "transforms.py").read_text())
    real = compare(folder, "dev", tmp_path)
    assert len(real.steps) == 6


def test_both_engines_report_rules_that_are_not_enforced(tmp_path: Path) -> None:
    folder = copy_project(tmp_path)
    waiver = {"resource": "x-*abc", "reason": "a waiver of a test", "owner": "me", "expires": "2020-01-01"}
    config = {"missing-tags": {"waivers": [waiver]}, "misnamed-role": "advisory", "misnamed-bucket": "disabled"}
    (folder / "policies" / "config" / "naming.dev.json").write_text(json.dumps(config))
    real = compare(folder, "dev", tmp_path)
    assert real.enforcement["advisory"] == ["misnamed-role"]
    assert real.enforcement["disabled"] == ["misnamed-bucket"]
    (waived,) = real.enforcement["waived"]
    assert waived == {"rule": "missing-tags", "resource": "x-*abc", "owner": "me", "expires": "2020-01-01"}
    assert "waived: missing-tags for x-*abc until 2020-01-01)" in real.printed


@pytest.mark.parametrize("stack", project.stacks(FILES))
def test_both_engines_plan_the_stack_alike(stack: str, tmp_path: Path) -> None:
    real = compare(copy_project(tmp_path), stack, tmp_path)
    assert real.exit_code == 0
    assert len(real.steps) > 150
    preview = tmp_path / "preview.json"
    preview.write_text(json.dumps(real.document))
    mine, theirs = (page_data(plan, tmp_path / "page.html") for plan in (tmp_path / "embedded.json", preview))
    for access in (mine["access"], theirs["access"]):
        # Only the embedded engine gives the line of a statement. Grants are in the order of the plan's steps.
        access["grants"] = sorted(json.dumps({**grant, "line": ""}, sort_keys=True) for grant in access["grants"])
        access["readers"] = sorted((one["name"], one["expected"], sorted(one["readers"])) for one in access["readers"])
    for part in ("stack", "passed", "rulesInForce", "access", "rules"):
        assert mine[part] == theirs[part], part
    assert mine["hidden"] == []
    assert (theirs["way"], theirs["attacks"]) == ({}, [])
    assert theirs["hidden"] == [
        "`actions` of `aws:lb/listenerRule:ListenerRule`",
        "`conditions` of `aws:lb/listenerRule:ListenerRule`",
        "`origins` of `aws:cloudfront/distribution:Distribution`",
    ]
    assert [one["urn"] for one in theirs["resources"]] == [step["urn"] for step in real.steps]


def page_data(plan: Path, page: Path) -> dict[str, Any]:
    """Return the data on the page of a plan, which has a diagram."""
    assert review_main(["page", "--plan", str(plan), "--project", str(owned()), "--output", str(page)]) == 0
    text = page.read_text()
    assert "<svg" in text
    data: dict[str, Any] = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    return data


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=row["id"], marks=() if row in ONE_A_PACK else pytest.mark.nightly) for row in BREAKAGES],
)
def test_both_engines_judge_a_breakage_alike(row: dict[str, Any], tmp_path: Path) -> None:
    folder = copy_project(tmp_path, row["stack"])
    break_project(folder, row)
    real = compare(folder, row["stack"], tmp_path)
    assert real.exit_code == 1
    assert set(row["expect"]) <= real.rules


def test_every_pack_has_a_breakage() -> None:
    broken = {rule.partition("/")[0].replace("-", "_") for row in ONE_A_PACK for rule in row["expect"]}
    assert broken == {pack.name for pack in project.packs(PROJECT)} - {"previewed"}  # which judges updates alone
