"""The report on a pull request, and its SARIF, for a change to a copy of the project."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rehearsal import pull_request
from tests.planning import PROJECT, copy_project, rehearse

SCHEMA = PROJECT / "tests" / "schemas" / "sarif-2.1.0.json"

# The changes of the pull request: file, old text, new text.
CHANGES = [
    ("Pulumi.yaml", "default: 43200", "default: 28800"),
    ("components/catalogue.py", 'RAW = "raw"', 'RAW = "unrefined"'),
    (
        "components/parameters.py",
        "name=parameter.name(self._names),",
        'name=parameter.name(self._names) + "_",',
    ),
    (
        "components/guarded_role.py",
        "policy=identity_policy(args.statements),",
        'policy=identity_policy([*args.statements, Statement("All", ["s3:*"], ["*"])]),',
    ),
]


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The plans of the base branch and of the pull request."""
    folder = tmp_path_factory.mktemp("plans")
    project = copy_project(folder)
    base, head = folder / "base.json", folder / "head.json"
    rehearse("prod", project, base)
    for file, old, new in CHANGES:
        path = project / file
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))
    rehearse("prod", project, head)
    return base, head


def report(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = pull_request.main([str(argument) for argument in arguments])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def sarif_of(plan: Path, folder: Path) -> dict[str, Any]:
    done = report(plan, "--sarif", folder / "out.sarif")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads((folder / "out.sarif").read_text())
    return document


def test_a_plan_that_changes_nothing_is_one_line(plans: tuple[Path, Path]) -> None:
    base, _ = plans
    assert report(base, "--base", base).stdout == (
        "## ✅ `prod`: no resource changes against the base branch; no violations\n"
    )


def test_a_plan_without_a_base_is_summed_up_by_component(plans: tuple[Path, Path]) -> None:
    base, _ = plans
    done = report(base)
    total = len(json.loads(base.read_text())["steps"])
    assert done.stdout.startswith(f"## ✅ `prod`: {total} new; no violations\n")
    rows = [line for line in done.stdout.splitlines() if line.startswith("| `")]
    assert sum(int(row.split("|")[2]) for row in rows) == total
    assert "| `way-in` |" in done.stdout


def test_the_summary_line_counts_changes_and_violations(plans: tuple[Path, Path]) -> None:
    base, head = plans
    first = report(head, "--base", base).stdout.splitlines()[0]
    violations = json.loads(head.read_text())["policyViolations"]
    mandatory = sum(violation["level"] == "mandatory" for violation in violations)
    assert first.startswith("## ❌ `prod`: 9 new, ")
    assert ", 9 removed against the base branch; " in first
    assert first.endswith(f"; {mandatory} mandatory violations")


def test_a_change_shows_the_property_and_the_line(plans: tuple[Path, Path]) -> None:
    base, head = plans
    text = report(head, "--base", base).stdout
    assert "- changed: `prod-portal (aws:lb:ListenerRule)`, `components/guarded_application.py:" in text
    assert "  - `actions[0].authenticateOidc.sessionTimeout`: `43200` → `28800`\n" in text
    assert '`policy.Statement[All]`: `(none)` → `{"Sid":"All","Effect":"Allow","Action":"s3:*","Resource":"*"}`' in text


def test_a_removed_component_is_one_line(plans: tuple[Path, Path]) -> None:
    base, head = plans
    text = report(head, "--base", base).stdout
    lines = [line for line in text.splitlines() if line.startswith("- removed: `prod-blog-data-raw")]
    assert len(lines) == 1
    assert lines[0].endswith(", with 7 resources in it")


def test_a_finding_about_many_resources_is_reported_once(plans: tuple[Path, Path]) -> None:
    base, head = plans
    text = report(head, "--base", base).stdout
    assert text.count("`least-privilege/service-wildcard`") == 1
    roles = {
        violation["urn"]
        for violation in json.loads(head.read_text())["policyViolations"]
        if violation["policy"] == "service-wildcard"
    }
    assert len(roles) > 5
    for urn in roles:
        assert f"  - `{urn.rpartition('::')[2]} (aws:iam:RolePolicy)`, `components/guarded_role.py:" in text


def test_access_and_diagram_are_included(plans: tuple[Path, Path], tmp_path: Path) -> None:
    base, _ = plans
    (tmp_path / "access.md").write_text("| role | gains |\n|---|---|\n| `prod-x` | `s3:GetObject` |\n")
    (tmp_path / "diagram.md").write_text("# The stack\n\n![x](x.svg)\n\n```mermaid\nflowchart LR\n  a --> b\n```\n")
    text = report(base, "--base", base, "--access", tmp_path / "access.md", "--diagram", tmp_path / "diagram.md").stdout
    assert "### Access\n\n| role | gains |" in text
    assert "```mermaid\nflowchart LR\n  a --> b\n```" in text
    assert "x.svg" not in text


def test_markdown_in_a_plan_is_escaped(plans: tuple[Path, Path], tmp_path: Path) -> None:
    document = json.loads(plans[0].read_text())
    bucket = next(step["newState"] for step in document["steps"] if step["newState"]["type"].endswith(":Bucket"))
    bucket["inputs"]["bucket"] = "a`b|<img src=x>"
    document["policyViolations"] = [
        {
            "pack": "naming",
            "policy": "x",
            "level": "mandatory",
            "severity": "",
            "urn": bucket["urn"],
            "message": "<script> @everyone [link](x) `a<b` **x**",
            "sourcePosition": "",
        }
    ]
    (tmp_path / "plan.json").write_text(json.dumps(document))
    text = report(tmp_path / "plan.json", "--base", plans[0]).stdout
    assert "→ `` a`b|<img src=x> ``" in text
    assert "  > &lt;script> \\@everyone \\[link\\](x) `a<b` \\*\\*x\\*\\*\n" in text


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"prod": {"steps": []}}'])
def test_a_file_that_is_not_a_plan_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    done = report(tmp_path / "plan.json")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'plan.json'}: isn't the plan of one stack; accepted: ")
    assert done.stderr.count("\n") == 1


def test_sarif_has_a_result_for_each_violation_at_its_line(plans: tuple[Path, Path], tmp_path: Path) -> None:
    _, head = plans
    violations = json.loads(head.read_text())["policyViolations"]
    (run,) = sarif_of(head, tmp_path)["runs"]
    assert len(run["results"]) == len(violations) > 10
    for violation, result in zip(violations, run["results"], strict=True):
        assert result["ruleId"] == f"{violation['pack']}/{violation['policy']}"
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        place = f"project:///{physical['artifactLocation']['uri']}#{physical['region']['startLine']}"
        assert place == violation["sourcePosition"]
        assert location["logicalLocations"][0]["fullyQualifiedName"] == violation["urn"]
    fingerprints = [result["partialFingerprints"]["ruleAndResource/v1"] for result in run["results"]]
    assert fingerprints == [
        result["partialFingerprints"]["ruleAndResource/v1"] for result in sarif_of(head, tmp_path)["runs"][0]["results"]
    ]


def test_sarif_is_valid(plans: tuple[Path, Path], tmp_path: Path) -> None:
    validator = jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()))
    for plan in plans:
        document = sarif_of(plan, tmp_path)
        assert [error.message for error in validator.iter_errors(document)] == []
    document["runs"][0]["results"][0]["level"] = "mandatory"
    assert list(validator.iter_errors(document))
