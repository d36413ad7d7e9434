"""An agreement for another stack is reported as one finding with the command that fixes it, and nothing passes."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2

from generators import expected_readers
from policies.gate import packs
from policies.inventory.agreement import __main__ as agreement
from policies.rulebook.analyzer import Analyzer
from stackfiles.project import load
from tests.judged_plan import Planned, judged_plan, stack_configuration
from tests.owner import owned
from tests.planning import NAME, Plan, copy_project, rehearse

_NO_CONTEXT: Final[Any] = None
_PINNED: Final = "inventory/pinned-account"


class Gate:
    """Production's gate and the plan that it judges; settings, name and configuration can be changed."""

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        name: str = NAME,
        configure: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self.plan = judged_plan("prod")
        self._analyzer = Analyzer("gate", packs(owned() / "policies", "prod"), "Every policy pack.")
        self._analyzer.ConfigureStack(stack_configuration("prod", name, settings), _NO_CONTEXT)
        request = analyzer_pb2.ConfigureAnalyzerRequest()
        configured = dict(self._analyzer.GetAnalyzerInfo(Empty(), _NO_CONTEXT).initialConfig.items())
        configure(configured)
        for rule, given in configured.items():
            request.policyConfig[rule].CopyFrom(given)
        self._analyzer.Configure(request, _NO_CONTEXT)

    def findings(self, *changed: Planned) -> list[tuple[str, str, str]]:
        """Judge the whole plan with some changed resources: rule, level and message of each violation."""
        by_urn = {resource.asked.urn: resource for resource in changed}
        resources = [by_urn.get(resource.asked.urn, resource) for resource in self.plan.resources]
        whole = analyzer_pb2.AnalyzeStackRequest(resources=[resource.planned for resource in resources])
        answers = [self._analyzer.Analyze(resource.asked, _NO_CONTEXT) for resource in resources]
        return [
            (
                f"{said.policyPackName}/{said.policyName}",
                analyzer_pb2.EnforcementLevel.Name(said.enforcementLevel),
                said.message,
            )
            for answer in (*answers, self._analyzer.AnalyzeStack(whole, _NO_CONTEXT))
            for said in answer.diagnostics
        ]


def test_the_unchanged_stack_has_no_findings() -> None:
    assert Gate().findings() == []


@pytest.mark.parametrize(
    ("settings", "name", "rule", "said"),
    [
        ({"aws:allowedAccountIds": '["999988887777"]'}, NAME, _PINNED, "the account `{account}`, but the stack has"),
        ({"aws:region": "us-east-1"}, NAME, _PINNED, "the region `{region}`, but the stack has `us-east-1`"),
        ({}, "acme", _PINNED, "the stack `{name}/prod`, but the stack has `acme/prod`"),
        ({f"{NAME}:domain": "acme.io"}, NAME, "inventory/pinned-record", "the stack has the domain `acme.io`"),
    ],
)
def test_an_agreement_for_another_stack_is_one_finding(
    settings: Mapping[str, str], name: str, rule: str, said: str
) -> None:
    found = [(rule, message) for rule, _, message in Gate(settings, name).findings() if rule.startswith("inventory/")]
    [(by, message)] = found
    own = load(owned(), "prod").config
    wanted = said.format(account=json.loads(own["aws:allowedAccountIds"])[0], region=own["aws:region"], name=NAME)
    assert by == rule
    assert wanted in message
    assert "`policies/config/inventory.prod.json`" in message
    assert "`python -m policies.inventory.agreement write --stack prod --take-away`" in message


def advisory(configured: dict[str, Any]) -> None:
    configured["pinned-account"].enforcementLevel = analyzer_pb2.ADVISORY


def waived(configured: dict[str, Any]) -> None:
    end = str(dt.datetime.now(dt.UTC).date() + dt.timedelta(2))
    waiver = {
        "resource": f"{NAME}-prod",
        "finding": "*",
        "reason": "for this test",
        "owner": "somebody",
        "expires": end,
    }
    configured["pinned-account"].properties.update({"waivers": [waiver]})


def test_an_advisory_finding_does_not_silence_other_rules() -> None:
    gate = Gate({"aws:allowedAccountIds": '["999988887777"]'}, configure=advisory)
    role = gate.plan.named("aws:iam/role:Role", "prod-backstage-task")
    boundary = role.inputs["permissionsBoundary"].replace("prod-workload-boundary", "prod-ci-deploy-boundary")
    found = gate.findings(role.with_value("permissionsBoundary", boundary))
    assert "inventory/pinned-role" in {rule for rule, level, _ in found if level == "MANDATORY"}


def test_a_finding_waived_on_one_resource_is_reported_on_another() -> None:
    found = Gate({"aws:allowedAccountIds": '["999988887777"]'}, configure=waived).findings()
    assert [(rule, level) for rule, level, _ in found] == [(_PINNED, "MANDATORY")], found


# A plan with other settings, as a new owner of the project makes it first


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def change(file: Path, **changes: str) -> None:
    """Change the value of a key in a stack file."""
    lines = file.read_text().splitlines()
    for key, value in changes.items():
        index = next(number for number, line in enumerate(lines) if line.strip().startswith(f"{key}: "))
        lines[index] = f"{lines[index].partition(key)[0]}{key}: {value}"
    file.write_text("\n".join(lines) + "\n")


def planned(project: Path) -> Plan:
    return rehearse("prod", project, project / "plan.json")


def test_a_new_owner_gets_one_finding_and_its_command_fixes_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another account, region, domain and project name; then the command that the finding gives."""
    stack = project / "Pulumi.prod.yaml"
    change(stack, domain="acme.io", **{"aws:allowedAccountIds": '["999988887777"]', "aws:region": "eu-west-1"})
    change(project / "Pulumi.yaml", name="acme-platform")
    expected_readers.write(project)  # as `make docs` does, since the hosts change
    plan = planned(project)
    [violation] = plan.violations
    assert (plan.exit_code, plan.rules) == (1, {_PINNED})
    [told] = [part for part in violation["message"].split("`") if part.startswith("python -m ")]
    words = told.removeprefix("python -m policies.inventory.").split()
    monkeypatch.setattr(sys, "argv", [*words, "--yes", "--project", str(project), "--plan", str(project / "plan.json")])
    assert agreement.main() == 0
    plan = planned(project)
    assert (plan.exit_code, plan.violations) == (0, [])


def test_a_missing_agreement_is_one_finding(project: Path) -> None:
    for pack in ("inventory", "least_privilege"):
        (project / "policies" / "config" / f"{pack}.prod.json").unlink()
    plan = planned(project)
    assert plan.exit_code == 1
    messages = {violation["policy"]: violation["message"] for violation in plan.violations}
    assert len(plan.violations) == len(messages) == 1, messages
    assert "it is missing, or pins no account" in messages["pinned-account"]
