"""The page shows what the plan, the packs and the access report say; the file loads nothing and runs nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from policies.least_privilege.access.report import accesses
from rehearsal.reports.changes import compare
from review.__main__ import main
from stackfiles.plan_document import PlanDocument
from stackfiles.project import packs
from tests.operations.adopt.mixed_estate import mixed_report
from tests.planning import PROJECT, document_of
from tests.review.conftest import TASK, shown


@pytest.fixture(scope="module")
def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def content(text: str) -> dict[str, Any]:
    """The page's data, read from the page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    read: dict[str, Any] = json.loads(found[1])
    return read


def test_resources_match_the_plan(content: dict[str, Any]) -> None:
    states = [step["newState"] for step in shown().plan["steps"]]
    assert [(one["urn"], one["inputs"]) for one in content["resources"]] == [
        (state["urn"], state.get("inputs", {})) for state in states
    ]
    assert content["config"] == shown().plan["config"]


def test_grants_match_the_access_report(content: dict[str, Any]) -> None:
    plan: Any = shown().plan
    reported = {
        (one.holder, one.level, action, one.resource, one.conditional)
        for one in accesses(plan)
        for action in one.actions
    }
    granted = {
        (one["who"], level, action, one["resource"], bool(one["conditions"]))
        for one in content["access"]["grants"]
        for level, actions in one["levels"].items()
        for action in actions
    }
    assert granted - reported == {grant for grant in granted if not grant[1]}  # patterns aren't in the report
    assert reported <= granted


def test_a_grant_names_the_statement_that_gives_it(content: dict[str, Any]) -> None:
    states: Any = {step["urn"]: step["newState"] for step in shown().plan["steps"]}
    for grant in content["access"]["grants"]:
        inputs = states[grant["urn"]]["inputs"]
        [document] = [inputs[key] for key in ("policy", "assumeRolePolicy") if key in inputs]
        number = int(grant["statement"].split()[1])
        statements = json.loads(document)["Statement"]
        statement = statements[number - 1] if isinstance(statements, list) else statements
        assert statement["Effect"] == "Allow"
        resources = statement.get("Resource", "*")
        assert grant["resource"] in resources or grant["kind"] == "role"  # a boundary may narrow a role's resources
        assert grant["kind"] != "trust" or grant["urn"].endswith(f"::{grant['place']}")  # trust often repeats
    role = next(one for one in content["access"]["grants"] if one["who"] == TASK and "Data" in one["statement"])
    assert role["line"].startswith("components/workload_permissions.py:")


def test_readers_are_shown_beside_the_expected_readers(content: dict[str, Any]) -> None:
    readers = {one["name"]: one for one in content["access"]["readers"]}
    assert readers["prod/db/admin"]["readers"] == [
        "prod-backstage-db-bootstrap-execution",
        "prod-backstage-db-inspect-execution",
    ]
    assert all(sorted(one["readers"]) == one["expected"] for one in readers.values())
    assert len(readers) == 22


def test_rules_match_the_packs(content: dict[str, Any]) -> None:
    ids = [
        f"{pack.name.replace('_', '-')}/{rule.id}"
        for pack in packs(PROJECT)
        for rule in import_module(f"policies.{pack.name}").RULES
    ]
    assert [rule["id"] for rule in content["rules"]] == ids
    assert [rule["id"] for rule in content["rules"] if rule["waivers"]] == ["naming/misnamed-bucket"]


def test_the_difference_matches_the_two_plans(content: dict[str, Any]) -> None:
    base = shown().base
    assert base
    found = compare(base, shown().plan)
    assert [(one["operation"], one["urn"]) for one in content["difference"]["changes"]] == [
        (change.op, change.urn) for change in found
    ]
    assert len(content["difference"]["new"]) == 1
    assert any(TASK in sentence and "ssm:" in sentence for sentence in content["difference"]["access"])
    assert [(one["kind"], one["urn"].rpartition("::")[2]) for one in content["consequences"]] == [
        ("can't succeed", "prod-blog-data-raw")  # since it's protected
    ]


def test_the_adoption_matches_its_report(content: dict[str, Any]) -> None:
    report = mixed_report()
    shown_ = content["adoption"]
    assert (shown_["project"], shown_["stack"], shown_["clean"]) == (report.project, report.stack, report.clean)
    assert {row["resource"] for row in shown_["rows"] if row["stops"]} == {row.resource for row in report.stops}
    rows = {row.resource: row for row in report.rows}
    assert len(shown_["rows"]) == len(rows) == sum(one["count"] for one in shown_["verdicts"])
    for row in shown_["rows"]:
        own = rows[row["resource"]]
        told = (row["verdict"], row["cause"], row["address"], tuple(row["waysOut"]))
        assert told == (own.verdict, own.cause, own.address, own.ways_out)
        assert len(row["changes"]) + len(row["secrets"]) + len(row["filledIn"]) == len(own.changes)
    stops = [row["stops"] for row in shown_["rows"]]
    assert stops == sorted(stops, reverse=True)  # stops come first
    assert [row["secrets"] for row in shown_["rows"] if row["secrets"]] == [["actions"]]
    assert [row["filledIn"] for row in shown_["rows"] if row["filledIn"]] == [["forceDestroy"]]
    assert "[secret]" not in json.dumps(shown_)


def test_the_page_loads_nothing_and_its_policy_allows_only_its_own_script(text: str) -> None:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert found
    allowed = dict(part.strip().split(" ", 1) for part in html.unescape(found[1]).split(";"))
    assert allowed.pop("default-src") == "'none'"
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        [inline] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert allowed.pop(directive) == f"'sha256-{digest}'"
    assert set(allowed.values()) == {"'none'"}
    assert not re.search(r"<[^>]+\s(?:src|style|on\w+)=", text.partition('<script type="application/json"')[0])
    assert len(text) < 1_000_000


def test_text_of_a_plan_is_never_markup(text: str) -> None:
    assert "<b>`s3:*`" not in text
    assert text.count("</script>") == 2


def test_a_plan_of_a_failed_program_has_a_page() -> None:
    from review.page.data import Shown
    from review.page.document import page

    empty: PlanDocument = {"steps": [], "policyViolations": [], "error": "the program raised"}
    assert "the program raised" in page(Shown("dev", empty))


COMMAND: Final = (sys.executable, "-m", "review", "page")


def test_the_page_command_writes_a_page_and_reports_errors(tmp_path: Path) -> None:
    plan, output = tmp_path / "plan.json", tmp_path / "pages" / "prod.html"
    plan.write_text(json.dumps(document_of("prod")))
    options = ["--plan", str(plan), "--base", str(plan), "--output", str(output)]
    done = subprocess.run([*COMMAND, *options], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{output}: prod, passed\n"
    assert output.read_text().startswith("<!doctype html>")
    assert '"adoption":null' in output.read_text()
    bad = subprocess.run([*COMMAND, "--plan", str(output)], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert bad.returncode == 2
    assert "isn't the plan of one stack" in bad.stderr


@pytest.mark.parametrize(
    ("text", "stack", "said"),
    [
        ("{}", "prod", "report.json isn't a report of an adoption; accepted: a file that `operations adopt"),
        ("[1]", "prod", "report.json isn't a report of an adoption; accepted: a file that `operations adopt"),
        (mixed_report().document(), "dev", "is about the stack prod, not dev; accepted: --stack prod, or no --stack"),
    ],
)
def test_a_report_on_another_stack_is_refused(
    tmp_path: Path, text: str, stack: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    report.write_text(text)
    assert main(["page", "--adoption", str(report), "--stack", stack]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("pipeline", [".circleci/config.yml", ".github/workflows/pull-request.yml"])
def test_pipelines_store_the_page_beside_the_report(pipeline: str) -> None:
    job = yaml.safe_load((PROJECT / pipeline).read_text())["jobs"]["preview"]
    commands = re.findall(r"-m review (page .*?)(?:\\n|')", str(job["steps"]))
    assert [command.partition(" --plan ")[2] for command in commands] == [
        "report/preview.json --output report/page.html"
    ]
    assert "'path': 'report'" in str(job["steps"])
