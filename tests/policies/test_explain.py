"""`python -m policies` explains each rule, with the example of a breakage that the tests plan."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from generators import rule_examples
from policies.__main__ import main
from tests.breakages import BREAKAGES
from tests.planning import PROJECT

WITHOUT_A_PREVIEW: Final = {"previewed/not-previewed", "previewed/previewed-only"}
"""These rules compare an update with its preview, so no plan can break them; tests/engine/test_previewed.py does."""


def rules(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["list"]) == 0
    return [line.split()[0] for line in capsys.readouterr().out.splitlines()]


def test_every_rule_has_a_breakage_that_it_stops(capsys: pytest.CaptureFixture[str]) -> None:
    stopping = {rule for row in BREAKAGES for rule in row["expect"]}
    assert set(rules(capsys)) - stopping == WITHOUT_A_PREVIEW


def test_every_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for rule in rules(capsys):
        assert main(["explain", rule]) == 0
        told = capsys.readouterr().out
        assert told.startswith(f"{rule}\n  asks     ")
        assert "\n  to fix   " in told
        assert "\n  source   https://" in told
        assert ("\n    bad\n" in told) == (rule not in WITHOUT_A_PREVIEW)


def test_an_example_has_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "service-wildcard"]) == 0
    good, bad = capsys.readouterr().out.partition("    good\n")[2].split("    bad\n")
    assert '"s3:GetObject"' in good
    assert '"s3:*"' in bad


def test_an_unknown_rule_is_refused_with_suggestions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "wildcard-actions"]) == 2
    assert "there is no rule `wildcard-actions`; did you mean wildcard-action" in capsys.readouterr().err
    assert main(["explain", "zzz"]) == 2
    assert "`python -m policies list` has them all" in capsys.readouterr().err


def test_the_examples_match_the_breakages() -> None:
    assert (PROJECT / rule_examples.FILE).read_text() == rule_examples.text(PROJECT), "run `make docs`"


def test_a_project_without_the_breakages_keeps_its_examples(tmp_path: Path) -> None:
    rule_examples.write(tmp_path)
    assert not list(tmp_path.iterdir())
