"""CODEOWNERS: what decides about the gate has owners, and no line is about files that are no longer there."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

import pytest

from tests.forks import PROJECT

LINES: Final = [
    line.split()
    for line in (PROJECT / "CODEOWNERS").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


def owners(file: str) -> list[str]:
    """Return who owns a file: the last line that matches counts."""
    matching = [team for pattern, *team in LINES if fnmatchcase(f"/{file}", pattern + "*" * pattern.endswith("/"))]
    return matching[-1] if matching else []


@pytest.mark.parametrize(
    "file",
    [
        "CODEOWNERS",
        *("policies/config/inventory.prod.json", "policies/config/another.stack.json"),
        *("policies/inventory/types/data.txt", "policies/gate/__main__.py", "policies/rulebook/analyzer.py"),
        *("operations/deploy.py", "operations/commands/deploy.py", "operations/pulumi_cli.py", "Makefile"),
        "rehearsal/__main__.py",
        *(".ci/run", ".circleci/config.yml", "set_up.py", "Pulumi.yaml", "pyproject.toml"),
        *("requirements.lock", "requirements-develop.lock", "requirements-uv.lock"),
    ],
)
def test_what_decides_about_the_gate_has_owners(file: str) -> None:
    assert owners(file)


def test_what_a_team_changes_every_day_needs_no_owner() -> None:
    assert not any(map(owners, ("__main__.py", "components/catalogue.py", "Pulumi.prod.yaml", "README.md")))


def test_every_line_is_about_something() -> None:
    assert [pattern for pattern, *_ in LINES if not list(PROJECT.glob(pattern.lstrip("/")))] == []
