"""CODEOWNERS: files that the pipeline runs or the gate reads have owners, and no line is about missing files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
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
        # Files that would shadow a module that these load.
        *("argparse.py", "yaml/__init__.py", "sitecustomize.py"),
        *(".ci/run", ".circleci/config.yml", "set_up.py", "Pulumi.yaml", "pyproject.toml"),
        *("requirements.lock", "requirements-develop.lock", "requirements-uv.lock"),
    ],
)
def test_files_that_decide_about_the_gate_have_owners(file: str) -> None:
    assert owners(file)


PIPELINES: Final = (".circleci/config.yml", ".github/workflows/*.yml", ".ci/*")
EVERYDAY: Final = ("components", "tests", "__main__.py")
"""Folders and files that every change touches: the program, which the gate judges, and its tests."""


def entry_modules() -> set[str]:
    """Return the modules that the pipelines' commands start with `python -m`."""
    texts = [file.read_text() for pattern in PIPELINES for file in PROJECT.glob(pattern) if file.is_file()]
    return {name for text in texts for name in re.findall(r"python[\w.]* -m ([\w.]+)", text)}


def files_of(module: str) -> list[Path]:
    """Return the project's files that importing a module runs."""
    names = module.split(".")
    packages = [PROJECT.joinpath(*names[:depth], "__init__.py") for depth in range(1, len(names) + 1)]
    own = PROJECT.joinpath(*names).with_suffix(".py")
    return [file for file in (*packages, own) if file.is_file()]


def imported(file: Path) -> Iterator[str]:
    """Yield what a file imports: each name after `from` may be a module too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def loaded(modules: Iterable[str]) -> set[str]:
    """Return the project's files that modules load, by import or when they are started; everyday files aren't read."""
    left = [file for module in modules for file in (*files_of(module), *files_of(f"{module}.__main__"))]
    found: set[str] = set()
    while left:
        file = left.pop()
        name = file.relative_to(PROJECT).as_posix()
        if name not in found and not name.startswith(EVERYDAY):
            found.add(name)
            left += [one for module in imported(file) for one in files_of(module)]
    return found


def test_files_that_the_pipelines_run_have_owners() -> None:
    files = loaded(entry_modules())
    assert {"operations/engine_state.py", "operations/__main__.py", "rehearsal/__main__.py"} <= files
    assert sorted(file for file in files if not owners(file)) == []


def test_files_that_a_team_changes_every_day_need_no_owner() -> None:
    assert not any(map(owners, ("__main__.py", "components/catalogue.py", "Pulumi.prod.yaml", "README.md")))


def test_every_line_matches_an_existing_file() -> None:
    assert [pattern for pattern, *_ in LINES if not list(PROJECT.glob(pattern.lstrip("/")))] == []
