"""What is read from `Pulumi.yaml` and a stack's file, and what is refused with one clear error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stackfiles import project
from stackfiles.failures import BadConfiguration
from stackfiles.project import default_stack
from tests.rehearsal.conftest import WORKSHOP


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the workshop, which tests may change."""
    for file in WORKSHOP.glob("Pulumi*.yaml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def refusal(folder: Path, stack: str = "dev") -> str:
    """All reasons why a stack can't be planned, as text."""
    try:
        return "\n".join(project.load(folder, stack).problems)
    except BadConfiguration as error:
        return str(error)


def test_the_workshop_has_no_problem(folder: Path) -> None:
    assert [refusal(folder, stack) for stack in project.stacks(folder)] == ["", ""]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("Pulumi.yaml", "runtime: python", "Pulumi.yaml: `name` is missing"),
        (
            "Pulumi.yaml",
            "name: a\nruntime: python\nname: b",
            "Pulumi.yaml: line 3: the key `name` is already on line 1",
        ),
        ("Pulumi.yaml", "name: a\nruntime: python\nstackConfigDir: b", "`stackConfigDir` isn't supported here"),
        ("Pulumi.yaml", "name: a\nruntime: python\nplugins: {providers: []}", "`plugins` isn't supported here"),
        ("Pulumi.dev.yaml", "environment: [a]\nconfig: {}", "Pulumi.dev.yaml: `environment` isn't supported here"),
        ("Pulumi.dev.yaml", "- a", "Pulumi.dev.yaml: accepted: a mapping"),
        ("Pulumi.dev.yaml", "config: 3", "Pulumi.dev.yaml: `config` must be a mapping"),
        ("Pulumi.dev.yaml", "config: {workshop:replicas: many}", "`replicas` must be of type integer"),
        ("Pulumi.dev.yaml", "config: {workshop:replicas: 1.5}", "`replicas` must be of type integer"),
        ("Pulumi.dev.yaml", "config: {workshop:owner: [a]}", "`owner` must be of type string"),
        ("Pulumi.dev.yaml", "config: {workshop:zones: a}", "`zones` must be of type array"),
        ("Pulumi.dev.yaml", "config: {workshop:zones: [1]}", "`zones` must be of type array"),
        ("Pulumi.dev.yaml", "config: {}", "Pulumi.dev.yaml: `token` is missing"),
        (
            "Pulumi.dev.yaml",
            "config:\n  workshop:owner: a\n  workshop:replicas: 1\n  workshop:owner: b\n",
            "Pulumi.dev.yaml: line 4: the key `workshop:owner` is already on line 2; keep one of them",
        ),
        ("Pulumi.dev.yaml", "config: {a: 1, 'a': 2}", "Pulumi.dev.yaml: line 1: the key `a` is already on line 1"),
        ("Pulumi.dev.yaml", "config: {workshop:zones: [{b: 1, b: 1}]}", "the key `b` is already on line 1"),
        ("Pulumi.dev.yaml", "config: {owner: a, workshop:owner: b}", "`workshop:owner` has two values"),
    ],
)
def test_bad_files_are_refused(folder: Path, file: str, text: str, said: str) -> None:
    (folder / file).write_text(text)
    assert said in refusal(folder)


def test_a_file_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / "Pulumi.dev.yaml").write_bytes("config: {workshop:owner: Jürgen}".encode("latin-1"))
    assert refusal(folder) == f"{folder / 'Pulumi.dev.yaml'} isn't UTF-8 text (byte 26); accepted: YAML in UTF-8"


def test_a_folder_with_the_name_of_a_stack_file_is_not_a_stack(folder: Path) -> None:
    (folder / "Pulumi.staging.yaml").mkdir()
    assert project.stacks(folder) == ["dev", "prod"]
    assert refusal(folder, "staging") == (
        f"there is no stack `staging`: {folder / 'Pulumi.staging.yaml'} is a folder; "
        "accepted: a file with the stack's configuration; stacks here: dev, prod"
    )


def test_a_secret_with_a_default_is_refused(folder: Path) -> None:
    """The engine treats a default in Pulumi.yaml as a value in clear."""
    with (folder / "Pulumi.yaml").open("a") as file:
        file.write("  spare: {type: string, secret: true, default: ''}\n")
    assert "Pulumi.yaml: `spare` is a secret, so it must be encrypted" in refusal(folder)


def test_a_secret_in_clear_is_refused(folder: Path) -> None:
    (folder / "Pulumi.dev.yaml").write_text("config: {workshop:token: plain}")
    assert "`token` is a secret, so it must be encrypted" in refusal(folder)


@pytest.mark.parametrize(
    ("files", "default"), [((), "prod"), (("live",), "live"), (("live", "test"), "prod"), (("dev", "prod"), "prod")]
)
def test_the_default_stack_is_the_only_one_or_prod(tmp_path: Path, files: tuple[str, ...], default: str) -> None:
    for name in files:
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    assert default_stack(tmp_path) == default
