"""`examples` lists the values that are still marked as examples."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations.__main__ import main
from tests.owner import owned
from tests.planning import PROJECT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for file in (owned() / "Pulumi.yaml", owned() / "Pulumi.prod.yaml", PROJECT / "CODEOWNERS"):
        (tmp_path / file.name).write_text(file.read_text())
    return tmp_path


def test_marks_are_listed_without_their_values(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = clone / "Pulumi.prod.yaml"
    stack.write_text("config:\n  vpcId: vpc-1  # EXAMPLE\n  originHeaderSecret: canary  # EXAMPLE\n  cluster: mine\n")
    (clone / "Pulumi.yaml").write_text("name: acme-platform  # EXAMPLE\n")
    (clone / "CODEOWNERS").write_text("# EXAMPLE: replace @somebody\n/CODEOWNERS @somebody\n")
    assert main(["examples", "--project", str(clone)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "Pulumi.prod.yaml:2  vpcId",
        "Pulumi.prod.yaml:3  originHeaderSecret",
        "Pulumi.yaml:1  name",
        "CODEOWNERS:1  EXAMPLE: replace @somebody",
        "4 examples are left: replace each value and remove its mark",
    ]


def test_no_remaining_example_is_reported_as_such(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = clone / "Pulumi.prod.yaml"
    stack.write_text(stack.read_text().replace("\n  vpcId:", "  # EXAMPLE\n  vpcId:"))
    for name in ("Pulumi.prod.yaml", "CODEOWNERS"):
        file = clone / name
        file.write_text(file.read_text().replace("# EXAMPLE", "#"))
    assert main(["examples", "--project", str(clone)]) == 0
    assert capsys.readouterr().out == "no example is left for prod\n"


def test_an_unknown_stack_is_refused(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["examples", "--stack", "staging", "--project", str(clone)]) == 2
    assert "there is no stack `staging`" in capsys.readouterr().err
