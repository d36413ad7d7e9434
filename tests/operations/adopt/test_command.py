"""The command line of `adopt`: which calls are refused before anything is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from operations.adopt.engine import Engine, scratch_engine
from stackfiles.failures import Failure
from tests.operations.adopt.estates import entry, state_text
from tests.operations.conftest import Bench


def write(bench: Bench, text: str) -> Path:
    file = bench.project / "state.json"
    file.write_text(text)
    return file


def test_a_source_of_running_resources_is_required(bench: Bench) -> None:
    outcome = bench.run("adopt")
    assert outcome.code == 2
    assert "accepted: --terraform-state FILE, --lookup, or both" in outcome.err


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("eu-central-1:999999999999", "for account 999999999999; accepted: 123456789012"),
        ("eu-west-1:123456789012", "for region eu-west-1; accepted: eu-central-1"),
    ],
)
def test_the_state_of_another_account_or_region_is_refused(bench: Bench, place: str, said: str) -> None:
    arn = f"arn:aws:secretsmanager:{place}:secret:a-AAAAAA"
    file = write(bench, state_text(entry("aws_secretsmanager_secret", "a", {"arn": arn, "name": "a"})))
    outcome = bench.run("adopt", "--terraform-state", str(file))
    assert outcome.code == 2
    assert said in outcome.err
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


def test_only_a_report_on_this_stack_is_taken_over(bench: Bench) -> None:
    file = write(bench, state_text())
    (bench.project / "report.json").write_text("{}")
    outcome = bench.run("adopt", "--terraform-state", str(file), "--take-over", str(bench.project / "report.json"))
    assert outcome.code == 2
    assert "accepted: a file that `adopt --report FILE` wrote" in outcome.err


def test_a_stack_with_resources_cannot_adopt(bench: Bench) -> None:
    bench.set_state({"urn": "urn:pulumi:prod::p::aws:iam/role:Role::a", "type": "aws:iam/role:Role", "id": "a"})
    outcome = bench.run("adopt", "--lookup")
    assert outcome.code == 2
    assert "already has 1 resources; accepted: an empty stack" in outcome.err


def test_an_interrupt_removes_the_private_backend(bench: Bench) -> None:
    bench.set_state()
    before = (bench.project / "Pulumi.prod.yaml").read_text()
    folders: list[Path] = []

    def interrupted() -> None:
        with scratch_engine(bench.project, "prod") as engine:
            folders.append(Path(engine.environment["PULUMI_BACKEND_URL"].removeprefix("file://")).parent)
            assert folders[0].stat().st_mode & 0o077 == 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert folders
    assert not folders[0].exists()
    assert (bench.project / "Pulumi.prod.yaml").read_text() == before


def test_a_failed_preview_reports_its_error(bench: Bench) -> None:
    """With `--json`, the CLI reports errors only in its document."""
    said = [{"severity": "info", "message": "no"}, {"severity": "error", "message": "no zone:\n  none"}]
    cli = bench.project / "cli" / "pulumi"
    cli.with_suffix(".json").write_text(json.dumps({"diagnostics": said}))
    cli.write_text('#!/bin/sh\ncat "$0.json"\nexit 1\n')
    with pytest.raises(Failure) as failure:
        Engine(bench.project, "prod").preview()
    assert str(failure.value).splitlines()[1:] == ["  no zone:", "  none"]
