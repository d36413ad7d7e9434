"""Every command line in README, CONTRIBUTING and docs exists and parses; none is executed."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pytest
from botocore import xform_name

from tests.operations.cloud import REGION
from tests.planning import PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
MAKEFILE = (PROJECT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^([A-Z]+) *[:?]?=", MAKEFILE, re.MULTILINE))
OTHERS = {"cd", "cp", "export", "git", "mkdir", "npm", "openssl", "sed", "terraform", "umask", "uv"}
"""Programs that every machine has, or that only set this one up."""
PYTHON = re.compile(r"(?:\.venv/bin/)?python3? -m (?P<module>[\w.]+)(?P<rest>.*)")
NEEDS_CLI = pytest.mark.skipif(not shutil.which("pulumi"), reason="the Pulumi CLI is not on the path")


class Parsed(Exception):
    """Raised in place of the command's work once its command line has been parsed."""


def command_lines(path: Path) -> Iterator[str]:
    """The command lines of a page: the lines after a `$`, and code spans that begin like our commands.

    A line that ends in a backslash continues on the next one.
    """
    text = path.read_text()
    blocks = re.findall(r"^ *```console\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    whole = re.sub(r" \\\n *", " ", "\n".join(blocks))
    yield from re.findall(r"^ *\$ (.*)$", whole, re.MULTILINE)
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`]+)`", prose):
        line = " ".join(span.split())
        if line.startswith(("make ", "pulumi ")) or PYTHON.fullmatch(line):
            yield line


def parse_make(words: Sequence[str]) -> None:
    for word in words:
        name, is_variable, _ = word.partition("=")
        known = VARIABLES if is_variable else TARGETS
        assert name in known, f"{word}: the Makefile has {', '.join(sorted(known))}"


def parse_module(module: str, arguments: Sequence[str], patch: pytest.MonkeyPatch) -> None:
    """Let a module's own parser read its arguments; without arguments, only check that the module exists."""
    if module in sys.stdlib_module_names:
        return
    spec = importlib.util.find_spec(module)
    assert spec, f"there is no module {module}"
    if spec.submodule_search_locations:
        module = f"{module}.__main__"
        assert importlib.util.find_spec(module), f"{module}: can't be run"
    if not arguments:
        return
    main = getattr(importlib.import_module(module), "main", None)
    assert main, f"{module} is no command"
    assert "ArgumentParser" in Path(str(inspect.getsourcefile(main))).read_text(), f"{module} takes no arguments"
    read: Callable[..., Any] = argparse.ArgumentParser.parse_args

    def parse(*given: Any, **named: Any) -> NoReturn:  # noqa: ANN401 - argparse's
        read(*given, **named)
        raise Parsed

    with patch.context() as replaced:
        replaced.setattr(argparse.ArgumentParser, "parse_args", parse)
        replaced.setattr("sys.argv", [module, *arguments])
        with pytest.raises((Parsed, SystemExit)) as ended:
            main()
    if isinstance(ended.value, SystemExit):
        assert ended.value.code == 0, f"{module} doesn't take {shlex.join(arguments)}"  # 0: --help


def parse_aws(words: Sequence[str]) -> None:
    """Check a command line of the AWS CLI: boto3 knows the service, the operation and its options."""
    service, operation, *options = words
    client: Any = boto3.client(service, REGION)  # type: ignore[call-overload]
    operation = client.meta.method_to_api_mapping[operation.replace("-", "_")]
    members = client.meta.service_model.operation_model(operation).input_shape.members
    # Options of the CLI for any answer: https://docs.aws.amazon.com/cli/latest/reference/#options
    known = {"--output", "--query", *(f"--{xform_name(member, '-')}" for member in members)}
    assert known >= {option for option in options if option.startswith("--")}


@cache
def help_of_pulumi(*words: str) -> str:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    command = ["pulumi", *words, "--help"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout


def parse_pulumi(words: Sequence[str]) -> None:
    """Look up a command line of the Pulumi CLI in its help, if the CLI is installed."""
    if not shutil.which("pulumi"):
        return
    shown = help_of_pulumi(*itertools.takewhile(lambda word: not word.startswith("-"), words))
    usage = re.search(r"^Usage:\n  pulumi (\S+)", shown, re.MULTILINE)
    assert usage, f"{words[0]}: unknown"
    assert usage[1] == words[0], f"{words[0]}: unknown"
    assert set(re.findall(r"(--[\w-]+)", shown)) >= {word.partition("=")[0] for word in words if word.startswith("--")}


def parse(line: str, patch: pytest.MonkeyPatch) -> None:
    """Check one command line; parts of a pipe, and commands whose output goes into a variable, are checked too."""
    line = re.sub(r"^\w+=\$\((.+)\)$", r"\1", line)
    for part in re.split(r" (?:\||&&) ", line):
        # `…` stands for anything; words in angle brackets are placeholders.
        words = shlex.split(part.replace("…", "WHATEVER"), comments=True)
        if module := PYTHON.fullmatch(shlex.join(words)):
            parse_module(module["module"], shlex.split(module["rest"]), patch)
        elif words[0] == "make":
            parse_make(words[1:])
        elif words[0] == "aws":
            parse_aws(words[1:])
        elif words[0] == "pulumi":
            parse_pulumi(words[1:])
        else:
            assert words[0] in OTHERS or re.fullmatch(r"\w+\.\w+|\.venv/bin/[\w-]+", words[0]), f"{words[0]}: unknown"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_command_line_is_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in command_lines(path):
        try:
            parse(line, monkeypatch)
        except AssertionError as error:
            pytest.fail(f"`{line}`: {error}")


def test_command_lines_are_found() -> None:
    found = {path.name: list(command_lines(path)) for path in PAGES}
    assert "make preview" in found["README.md"]
    assert any("-m operations deploy refresh" in line for line in found["interrupted-up.md"])
    assert sum(map(len, found.values())) > 100


@pytest.mark.parametrize(
    "line",
    [
        "make previews",
        "make preview STAGE=prod",
        ".venv/bin/python -m operations.deploy up --stack prod",
        "python -m operations deploy refresh --stack prod --import-pending URN ID",
        "python -m operations unheard-of",
        "python -m docs.generate --all",
        "aws secretsmanager create-secret --nam x",
        "pulumee up",
        pytest.param("pulumi refresh --import-pending URN ID", marks=NEEDS_CLI),
        pytest.param("pulumi stak output", marks=NEEDS_CLI),
    ],
)
def test_unknown_command_line_is_refused(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        parse(line, monkeypatch)
