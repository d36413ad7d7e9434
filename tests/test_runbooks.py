"""The runbooks that edit the project, followed on a copy of it. Those that run commands: tests/operations."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml

from review.compared import Compared
from review.difference import text
from stackfiles.plan_document import rules_named
from tests.agreeing import agree
from tests.forked_modules import run_module
from tests.owner import FILES
from tests.planning import Plan, copy_project, document_of, plan_of, plan_only, rehearse
from tests.runbooks import Runbook, runbook
from tests.test_system import readers

CHANGES_NO_FILE = ("make ", "aws ", ".venv/bin/python -m operations")


def changed(before: Plan, after: Plan) -> set[str]:
    """The resources that differ, as `type name`, without components."""
    old, new = ({step.urn: step for step in plan.steps} for plan in (before, after))
    different = {
        urn for urn in old.keys() | new.keys() if urn not in old or urn not in new or old[urn].inputs != new[urn].inputs
    }
    return {
        " ".join(urn.split("::")[2:]).rpartition("$")[2]
        for urn in different
        if "guarded:" not in urn.rpartition("$")[2]
    }


def carry_out(book: Runbook, project: Path) -> list[str]:
    """Run the commands of a runbook that change files in a project's folder; return the others."""
    others = []
    for command in book.commands:
        if command.startswith(CHANGES_NO_FILE):
            others.append(command)
        else:
            run(command.replace(".venv/bin/python", sys.executable), project)
    return others


def run(command: str, project: Path) -> None:
    """Run a shell command in a project's folder, with the project's own modules."""
    subprocess.run(["sh", "-euc", command], cwd=project, check=True, stdout=subprocess.DEVNULL)


def test_adding_a_secret(tmp_path: Path) -> None:
    book, project = runbook("adding-a-secret"), copy_project(tmp_path)
    (entry,), (row,) = book.blocks("python"), book.blocks("yaml")
    catalogue = project / "components" / "catalogue.py"
    before, found, after = catalogue.read_text().partition('    Secret(\n        "kinde/client-secret"')
    assert found
    catalogue.write_text(before + indent(entry.rstrip(), "    ") + ",\n" + found + after)
    assert "make docs" in book.commands
    done = run_module(project, "generators.expected_readers")  # the part of it that the gate asks for
    assert done.code == 0, done.printed

    output = tmp_path / "plan.json"
    assert ".venv/bin/python -m policies.inventory.agreement write --stack prod" in book.commands
    plan_only("prod", project, output)
    agree(project, "prod", output)
    plan = rehearse("prod", project, output)
    assert (plan.exit_code, plan.violations) == (0, []), plan.printed
    assert changed(plan_of("prod"), plan) == {
        "aws:iam/policy:Policy prod-ci-look",
        "aws:iam/policy:Policy prod-workload-boundary",
        "aws:iam/rolePolicy:RolePolicy prod-backstage-execution",
        "aws:iam/rolePolicy:RolePolicy prod-backstage-task",
    }
    (secret,) = yaml.safe_load(row.replace("{env}", "prod"))
    arn = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{secret['name']}-AbCdEf"
    assert readers(plan, "secretsmanager:GetSecretValue", arn) == set(secret["readers"])
    (wiring,) = plan.inputs("guarded:ecs:ContainerEnvironment")
    assert "SENTRY_AUTH_TOKEN" in wiring["backstage"]

    assert "make diff STACK=prod" in book.commands
    told = text("prod", Compared(json.loads(output.read_text()), document_of("prod"), "main"))
    assert "5 changed, passed" in told  # the four and the component with the containers' variables
    pattern = f"`secret:{secret['name']}-??????`"
    assert f"lets `prod-backstage-execution` and `prod-backstage-task` read {pattern} (" in told
    assert f"lets `prod-ci-deploy` and `prod-ci-preview` read about {pattern} (" in told
    assert told.count("This change lets") == 2


def test_rotating_the_header_secret(tmp_path: Path) -> None:
    """Needs no CLI: the test writes what `config set --secret` and `config rm` would leave in the stack's file."""
    book, project = runbook("header-secret-rotation"), copy_project(tmp_path)
    file = project / "Pulumi.prod.yaml"
    plans: list[Plan] = []
    for command in book.commands:
        document: dict[str, Any] = yaml.safe_load(file.read_text())
        for part in command.split("|"):
            match part.split():
                case ["pulumi", "config", "set", "--secret", key, "--stack", "prod"]:
                    document["config"][key] = {"secure": "v1:EXAMPLE:EXAMPLE"}
                case ["pulumi", "config", "rm", key, "--stack", "prod"]:
                    del document["config"][key]
                case ["make", "preview", "STACK=prod"] if not plans:
                    plans.append(rehearse("prod", project, tmp_path / "plan.json"))
        file.write_text(yaml.safe_dump(document))
    (during,) = plans
    assert (during.exit_code, during.violations) == (0, []), during.printed
    # In this plan the previous secret has its own stand-in; the current secret's stand-in stays the same.
    assert changed(plan_of("prod"), during) == {
        "aws:lb/listenerRule:ListenerRule prod-portal",
        "aws:lb/listenerRule:ListenerRule prod-pipelines",
    }
    assert yaml.safe_load(file.read_text()) == yaml.safe_load((FILES / "Pulumi.prod.yaml").read_text())


def test_waiving_a_rule(tmp_path: Path) -> None:
    book, project = runbook("waiving-a-rule"), copy_project(tmp_path)
    permissions = project / "components" / "workload_permissions.py"
    broad, replaced = re.subn(r'\["s3:\w+"(, "s3:\w+"){3}\]', '["s3:*"]', permissions.read_text())
    assert replaced == 1
    permissions.write_text(broad)

    broken = rehearse("prod", project, tmp_path / "broken.json")
    assert broken.exit_code == 1
    assert "least-privilege/service-wildcard" in broken.rules
    (waiver,) = book.blocks("json")
    today = str(dt.datetime.now(dt.UTC).date())
    file = project / "policies" / "config" / "least_privilege.prod.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | json.loads(waiver.replace("2027-06-30", today))))
    waived = rehearse("prod", project, tmp_path / "waived.json")
    assert said(broken) - said(waived) == {("least-privilege/service-wildcard", "prod-backstage-task")}
    assert not said(waived) - said(broken)


def said(plan: Plan) -> set[tuple[str, str]]:
    """Return the rules that each resource breaks."""
    return {(rule, item["urn"].rpartition("::")[2]) for item in plan.violations for rule in rules_named(item)}
