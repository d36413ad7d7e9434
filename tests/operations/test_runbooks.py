"""The runbooks that run commands, followed literally on the doubles; the others: tests/test_runbooks.py."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

import boto3
from botocore import xform_name

from operations.__main__ import parser
from operations.symptoms import SYMPTOMS
from tests.operations.cloud import REGION
from tests.operations.conftest import BY_HAND, CLIENT_SECRET, CONTAINERS, KINDE_SECRET, Bench
from tests.operations.test_bootstrap import DOUBLE
from tests.planning import PROJECT
from tests.runbooks import FOLDER, RUNBOOKS, runbook

NEW = "CanaryClientSecretAfter0123456789"
OURS = [".venv/bin/python", "-m", "operations"]
NOT_HERE = ("export", "pulumi", "openssl")
"""Programs that need the Pulumi CLI, or don't matter here."""
TARGETS = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def aws(words: list[str]) -> tuple[str, str, dict[str, str]]:
    """Parse a command of the AWS CLI into service, method and parameters; its options must be the operation's."""
    service, operation, *options = words
    client: Any = boto3.client(service, REGION)  # type: ignore[call-overload]
    method = operation.replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    members = {f"--{xform_name(member, '-')}": member for member in model.input_shape.members}
    return service, method, {members[name]: value for name, value in zip(options[::2], options[1::2], strict=True)}


def carry_out(bench: Bench, name: str, typed: str, apply: Callable[[], object]) -> None:
    """Run every command of a runbook in order, with `typed` as standard input, and `apply` in place of `make up`."""
    for command in runbook(name).commands:
        words = shlex.split(command)
        if words[:4] == [*OURS, "deploy"]:
            continue  # needs the Pulumi CLI: tests/engine
        if words[:3] == OURS:
            outcome = bench.run(*words[3:], stdin=typed)
            assert outcome.code == 0, (command, outcome.text)
        elif words[0] == "aws":
            service, method, parameters = aws(words[1:])
            # Standard input is the value of this secret.
            value = {"SecretString": BY_HAND[parameters["SecretId"]]}
            getattr(boto3.client(service, REGION), method)(**parameters | value)  # type: ignore[call-overload]
        elif command.startswith("make up STACK=prod"):
            apply()


def test_the_first_deploy_follows_its_runbook(bench: Bench) -> None:
    bench.cloud.empty()
    cli = bench.project / "cli" / "pulumi"
    without_state = cli.read_text()
    cli.write_text(DOUBLE.read_text())

    def apply() -> None:
        cli.write_text(without_state)
        for name in CONTAINERS:
            bench.cloud.put(name, None)

    carry_out(bench, "first-deploy", "", apply)
    assert all(set(bench.cloud.labels(name)) == {"AWSCURRENT"} for name in (*CONTAINERS, *BY_HAND))


def test_the_first_deploy_takes_twelve_commands_at_most() -> None:
    commands = runbook("first-deploy").commands
    before = commands[: commands.index("make up STACK=prod") + 1]
    assert len(["git clone", *before]) <= 12


def test_a_kinde_rotation_follows_its_runbook(bench: Bench) -> None:
    bench.kinde.client_secrets.add(NEW)
    applied: list[str] = []
    carry_out(bench, "kinde-rotation", NEW, lambda: applied.append(bench.cloud.labels(KINDE_SECRET)["AWSCURRENT"]))
    assert applied == [NEW]
    assert bench.cloud.labels(KINDE_SECRET) == {"AWSCURRENT": NEW, "AWSPREVIOUS": CLIENT_SECRET}


def test_an_interrupted_up_follows_its_runbook(bench: Bench) -> None:
    bench.run("fill-secrets", "--database-endpoint", "db.example.com")
    carry_out(bench, "interrupted-up", "", lambda: None)


def test_every_symptom_is_listed() -> None:
    text = (FOLDER.parent / "operations.md").read_text().partition("## Symptoms")[2]
    assert re.findall(r"^\| `([^`]*)` \|", text, re.MULTILINE) == [symptom.name for symptom in SYMPTOMS]


def test_every_runbook_is_listed() -> None:
    text = (FOLDER.parent / "operations.md").read_text()
    assert sorted({*re.findall(r"\(runbooks/([\w-]+)\.md\)", text)}) == RUNBOOKS


def test_the_commands_for_adopting_are_valid() -> None:
    """The command line accepts its commands, in this order; tests/upstream carries them out."""
    typed = [command.split("|") for command in runbook("adopting").commands]
    ours = [shlex.split(part) for parts in typed for part in parts if part.strip().startswith(".venv")]
    adoptions = [parser().parse_args(words[3:]) for words in ours if words[3:4] == ["adopt"]]
    done = [
        [name for name in ("report", "hand_over", "take_over", "check_plan") if getattr(options, name)]
        for options in adoptions
    ]
    assert done == [["report"], ["hand_over"], ["report"], ["take_over"], ["check_plan"]]
