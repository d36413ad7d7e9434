"""What pages must and must not contain; test_own_stacks.py checks that generated pages are current."""

from __future__ import annotations

import re
from pathlib import Path

from generators.pages import pages
from stackfiles.project import stacks
from tests.owner import owned
from tests.planning import PROJECT, copy_project, document_of, rehearse


def test_the_tables_of_secrets_and_parameters_name_no_account() -> None:
    page = pages(owned(), {stack: document_of(stack) for stack in stacks(owned())})["secrets-and-parameters.md"]
    assert "prod/kinde/client-secret" in page
    assert "123456789012" not in page


def test_every_stack_output_is_described() -> None:
    exported = re.findall(r'^pulumi\.export\("(\w+)"', (PROJECT / "__main__.py").read_text(), re.MULTILINE)
    described = re.findall(r"^\| `(\w+)` \|", (PROJECT / "docs" / "outputs.md").read_text(), re.MULTILINE)
    assert described == exported
    assert exported


def test_the_readmes_broken_change_prints_what_the_readme_shows(tmp_path: Path) -> None:
    page = (PROJECT / "README.md").read_text().partition("Now break something.")[2]
    shown = page.split("```")[1].splitlines()
    changed = copy_project(tmp_path) / "components" / "workload_permissions.py"
    text, lists = re.subn(r'\["s3:\w+"(?:, "s3:\w+"){3}\]', '["s3:*"]', changed.read_text())
    assert lists == 1
    changed.write_text(text)
    printed = rehearse("prod", changed.parent.parent, tmp_path / "plan.json").printed
    finding = shown[shown.index("least-privilege") : shown.index("…", shown.index("least-privilege"))]
    assert [line for line in finding if line.removesuffix("…") not in printed] == []
    assert len(finding) > 5
    (summary,) = [line for line in shown if " resources to create" in line]
    assert summary.rpartition(": ")[2] in printed
