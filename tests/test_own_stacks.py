"""The repository's own stacks, whatever their files contain: they pass the gate, and generated files are current.

All other tests are about the stacks of the suite's own owner (tests/owner).
"""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import yaml

from generators.declared_injections import injections_file
from generators.expected_readers import readers_file
from generators.pages import pages
from generators.pipeline_stacks import pipelines
from operations.examples import find
from policies.gate import packs
from policies.inventory.agreement import __main__ as agreement
from stackfiles.plan_document import PlanDocument
from stackfiles.project import stacks
from tests.planning import PROJECT, rehearsal_command
from tests.session import shared

STACKS: Final = stacks(PROJECT)


@cache
def planned(stack: str) -> tuple[int, str, PlanDocument]:
    """Return exit code and report of a rehearsal of a stack, and its plan."""

    def make() -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan.json"
            done = rehearsal_command("--project", str(PROJECT), "--stack", stack, "--json", str(file))
            assert file.exists(), done.printed
            return json.dumps([done.code, done.printed, json.loads(file.read_text())])

    code, printed, document = json.loads(shared(f"own plan of {stack}", make))
    return code, printed, document


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_passes_the_gate(stack: str) -> None:
    code, printed, _ = planned(stack)
    assert code == 0, printed


@pytest.mark.parametrize("stack", STACKS)
def test_values_that_differ_between_owners_are_marked(stack: str) -> None:
    """Values that are the same for every owner are in Pulumi.yaml; an empty value (`""`, `[]`) belongs to nobody."""
    marked = {example.key for example in find(PROJECT, stack) if example.file == f"Pulumi.{stack}.yaml"}
    if "aws:allowedAccountIds" not in marked:
        pytest.skip(f"{stack} has an owner, who takes the marks away")
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    given = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert {key for key in given if declared.get(key, {}).get("default", "") in ("", [])} == marked


@pytest.mark.parametrize("stack", STACKS)
def test_expected_readers_match_the_catalogue(stack: str) -> None:
    for path, text in (readers_file(PROJECT, stack), injections_file(PROJECT, stack)):
        assert path.read_text(encoding="utf-8") == text, "run `python -m generators.expected_readers`"


@pytest.mark.parametrize("stack", STACKS)
def test_everything_in_settings_and_plan_is_agreed(
    stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(planned(stack)[2]))
    monkeypatch.setattr(
        "sys.argv", ["agreement", "show", "--stack", stack, "--plan", str(plan), "--project", str(PROJECT)]
    )
    assert agreement.main() == 0, capsys.readouterr().err


@pytest.mark.parametrize("stack", STACKS)
def test_an_update_matches_its_preview(stack: str) -> None:
    (previewed,) = (pack for pack in packs(PROJECT / "policies", stack) if pack.name == "previewed")
    assert all(previewed.config[rule.id].properties["required"] is True for rule in previewed.rules)
    assert all(previewed.config[rule.id].level == "mandatory" for rule in previewed.rules)


def test_no_page_is_stale() -> None:
    generated = pages(PROJECT, {stack: planned(stack)[2] for stack in STACKS})
    stale = [name for name, text in generated.items() if _written(PROJECT / "docs" / name) != text]
    assert not stale, "run `make docs` and commit what it changes"


def _written(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.exists() else ""


def test_the_pipeline_takes_each() -> None:
    written = pipelines(PROJECT)
    assert written
    for name, text in written.items():
        assert (PROJECT / name).read_text(encoding="utf-8") == text, "run `make docs`"
