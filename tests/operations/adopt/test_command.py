"""The command line of `adopt`: what is refused before anything is looked at."""

from __future__ import annotations

from pathlib import Path

from tests.operations.adopt.estates import entry, state_text
from tests.operations.conftest import Bench


def write(bench: Bench, text: str) -> Path:
    file = bench.project / "state.json"
    file.write_text(text)
    return file


def test_something_must_say_what_runs(bench: Bench) -> None:
    outcome = bench.run("adopt")
    assert outcome.code == 2
    assert "accepted: --terraform-state FILE, --lookup, or both" in outcome.err


def test_the_state_of_another_account_is_refused(bench: Bench) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:999999999999:secret:a-AAAAAA"
    file = write(bench, state_text(entry("aws_secretsmanager_secret", "a", {"arn": arn, "name": "a"})))
    outcome = bench.run("adopt", "--terraform-state", str(file))
    assert outcome.code == 2
    assert "is of account 999999999999; accepted: 123456789012" in outcome.err
    assert bench.cloud.calls == []


def test_credentials_of_another_account_are_refused(bench: Bench) -> None:
    bench.configure(aws__allowedAccountIds=["210987654321"])
    outcome = bench.run("adopt", "--lookup")
    assert outcome.code == 2
    assert "accepted: 210987654321, the stack's own" in outcome.err


def test_a_state_is_read_from_standard_input_and_never_repeated(bench: Bench) -> None:
    outcome = bench.run("adopt", "--terraform-state", "-", stdin="CanaryThatIsNoState0123456789")
    assert outcome.code == 2
    assert "standard input isn't JSON" in outcome.err


def test_options_that_are_hidden_in_the_environment_are_refused(bench: Bench) -> None:
    bench.patch.setenv("PULUMI_OPTION_SKIP_PREVIEW", "true")
    outcome = bench.run("adopt", "--lookup")
    assert outcome.code == 2
    assert "PULUMI_OPTION_SKIP_PREVIEW" in outcome.err


def test_only_a_report_of_what_is_here_is_taken_over(bench: Bench) -> None:
    file = write(bench, state_text())
    (bench.project / "report.json").write_text("{}")
    outcome = bench.run("adopt", "--terraform-state", str(file), "--take-over", str(bench.project / "report.json"))
    assert outcome.code == 2
    assert "accepted: what `adopt --report FILE` wrote" in outcome.err
