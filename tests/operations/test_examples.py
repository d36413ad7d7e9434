"""Values that are still examples: every value that differs between owners is marked, and the marks are listed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from operations.__main__ import main
from operations.examples import find
from stackfiles import project
from tests.planning import PROJECT

DECLARED = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for file in ("Pulumi.yaml", "Pulumi.prod.yaml", "CODEOWNERS"):
        (tmp_path / file).write_text((PROJECT / file).read_text())
    return tmp_path


@pytest.mark.parametrize("stack", project.stacks(PROJECT))
def test_what_differs_between_owners_is_marked(stack: str) -> None:
    """The same for every owner is what has a default in Pulumi.yaml."""
    marked = {example.key for example in find(PROJECT, stack) if example.file != "CODEOWNERS"}
    if "aws:allowedAccountIds" not in marked:
        pytest.skip(f"{stack} has an owner, who takes the marks away")
    given = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert {key for key in given if "default" not in DECLARED.get(key, {})} == marked


def test_marks_are_listed_without_their_values(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = clone / "Pulumi.prod.yaml"
    stack.write_text("config:\n  vpcId: vpc-1  # EXAMPLE\n  originHeaderSecret: canary  # EXAMPLE\n  cluster: mine\n")
    (clone / "CODEOWNERS").write_text("# EXAMPLE: replace @somebody\n/CODEOWNERS @somebody\n")
    assert main(["examples", "--project", str(clone)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "Pulumi.prod.yaml:2  vpcId",
        "Pulumi.prod.yaml:3  originHeaderSecret",
        "CODEOWNERS:1  EXAMPLE: replace @somebody",
        "3 examples are left: replace each value and take its mark away",
    ]


def test_none_is_left(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Pulumi.prod.yaml", "CODEOWNERS"):
        file = clone / name
        file.write_text(file.read_text().replace("# EXAMPLE", "#"))
    assert main(["examples", "--project", str(clone)]) == 0
    assert capsys.readouterr().out == "no example is left for prod\n"


def test_a_stack_that_is_not_there(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples", "--stack", "staging", "--project", str(clone)]) == 2
    assert "there is no stack `staging`" in capsys.readouterr().err
