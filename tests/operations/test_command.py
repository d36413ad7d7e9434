"""The command line as a whole: help, progress, and messages about unforeseen errors."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from operations import fill_secrets, preflight, verify_login
from operations.__main__ import COMMANDS, main
from operations.__main__ import parser as whole_parser
from tests.operations.cloud import fault_of
from tests.operations.conftest import Bench, Terminal
from tests.planning import PROJECT

# Command -> what its help must mention besides the exit codes.
HELP = {
    (): (
        "init",
        "examples",
        "bootstrap",
        "preflight",
        "deploy",
        "fill-secrets",
        "rotate-kinde",
        "verify-login",
        "waivers",
        "orphans",
    ),
    ("init",): ("Run it again to change single answers", "--answers FILE", "--set KEY=VALUE", "--like STACK"),
    ("preflight",): ("Changes nothing", "--json", "CLOUDFLARE_API_TOKEN"),
    ("bootstrap",): ("it continues where it stopped", "--dry-run", "--secrets", "--bucket NAME"),
    ("fill-secrets",): ("run it again with the same options", "--dry-run", "--database-endpoint HOST[:PORT]"),
    ("rotate-kinde",): ("it continues where the rotation stopped", "--roll-back", "--applied", "SIGN_IN_EMAIL"),
    ("verify-login",): ("Explains known symptoms", "--sign-in", "--json", "SIGN_IN_PASSWORD"),
    ("deploy",): ("Every policy pack", "preview", "refresh"),
    ("deploy", "refresh"): ("--clear-pending", "--preview-only"),
    ("waivers",): ("--days", "Needs neither engine nor account"),
    ("examples",): ("marked `# EXAMPLE`",),
    ("orphans",): ("never the values",),
}


@pytest.mark.parametrize("command", HELP)
def test_help_describes_options_and_exit_codes(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(len(line) <= 80 for line in shown.splitlines())
    text = " ".join(shown.split())
    for part in (*HELP[command], "Exit codes: 0 "):
        assert part in text


def every_parser(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and the parsers of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from every_parser(command)


def test_every_option_has_a_help_text_and_every_command_takes_the_stack() -> None:
    parsers = list(every_parser(whole_parser()))
    assert len(parsers) == 1 + len(COMMANDS) + 5
    for parser in parsers:
        for action in parser._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction), (parser.prog, action.dest)
        if not any(isinstance(action, argparse._SubParsersAction) for action in parser._actions):
            assert any(action.dest == "stack" for action in parser._actions), parser.prog


def test_help_loads_few_modules() -> None:
    """Listing the commands loads neither the SDKs nor modules of single commands; a stack doesn't need Pulumi's SDK."""
    heavy = ["boto3", "httpx", "pulumi", "pydantic", "rich", "selenium", "yaml"]
    code = f"import sys, operations.__main__ as m; m.parser(); print([n for n in {heavy} if n in sys.modules])\n"
    code += "import operations.stack; print('pulumi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "False"]


@pytest.mark.parametrize("arguments", [[], ["deploy"], ["preflight", "--timeout", "0"], ["fill-secrets", "--rotate=x"]])
def test_a_bad_command_line_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ")


# Command -> the function that it calls, which here raises an error with a secret value.
UNFORESEEN = {
    "preflight": (preflight, "check_certificate"),
    "fill-secrets": (fill_secrets, "_password"),
    "verify-login": (verify_login, "_follow"),
}


@pytest.mark.parametrize("command", UNFORESEEN)
def test_an_unforeseen_error_does_not_show_its_text(bench: Bench, command: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("CanaryValueInAnException")

    bench.patch.setattr(*UNFORESEEN[command], fail)
    outcome = bench.run(command, *(["--database-endpoint", "db.example.com"] if command == "fill-secrets" else []))
    assert outcome.code == 1
    assert outcome.err.startswith("error: unexpected ValueError at ")
    assert "Canary" not in outcome.out + outcome.err
    assert "Traceback" not in outcome.err


def test_an_interrupt_ends_the_command_quietly(bench: Bench) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    bench.patch.setattr(fill_secrets, "_password", interrupt)
    outcome = bench.run("fill-secrets", "--database-endpoint", "db.example.com")
    assert (outcome.code, outcome.err) == (130, "interrupted; run the command again to continue\n")


def test_progress_is_shown_on_a_terminal(bench: Bench) -> None:
    screen = Terminal()
    bench.patch.setenv("TERM", "xterm")
    bench.patch.setattr("sys.stderr", screen)
    assert bench.run("preflight", "--json").code == 1
    assert "checking the account, secrets, parameters" in screen.getvalue()


def held(bench: Bench) -> None:
    bench.cloud.fault = fault_of("GetParameter", "hold", times=1)


def nothing(bench: Bench) -> None:
    pass


@pytest.mark.parametrize(("slowed", "told"), [(held, True), (nothing, False)])
def test_progress_is_logged_only_when_a_check_is_slow(
    bench: Bench, slowed: Callable[[Bench], None], told: bool
) -> None:
    slowed(bench)
    if told:
        bench.patch.setattr("operations.verdicts._SOON_SECONDS", 0.3)
    outcome = bench.run("preflight", "--json", "--timeout", "1")
    bench.cloud.released.set()
    bench.cloud.released.clear()
    assert ("checking the account, secrets, parameters" in outcome.err) is told
    assert json.loads(outcome.out)["checks"]
