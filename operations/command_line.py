"""The parts of a command of `python -m operations`, and the options that several commands share.

A command is a module of `operations.commands` that is fast to import: it imports boto3, httpx, Selenium and the
program's settings only when it runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from operations.stack import Stack
    from operations.verdicts import Verdict
    from operations.web import Web

EXIT_CODES: Final = (
    "Exit codes: 0 no problems; 1 problems were found, or a step failed; 2 the command line, the stack's "
    "configuration or the AWS credentials are wrong."
)


@dataclass(frozen=True)
class Command:
    """One command.

    `help` is its line in the list of commands; `description` and `epilog` are the start and end of its own `--help`.
    `add_arguments` adds its options to its parser. `run` executes it and returns the exit code, or raises
    `stackfiles.failures.Failure` to end with an error message.
    """

    name: str
    help: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    epilog: str = EXIT_CODES


def add_stack(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add `--stack` and `--project`; return their group, to which related options can be added.

    They get their own group, so that `--help` begins with the command's own options.
    """
    group = parser.add_argument_group("where")
    group.add_argument(
        "--stack", metavar="NAME", help="the stack, which is also the environment (default: prod, or the only one)"
    )
    group.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    return group


def add_stack_and_timeout(parser: argparse.ArgumentParser) -> None:
    """Add `--stack`, `--project` and `--timeout`."""
    add_stack(parser).add_argument(
        "--timeout",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for each answer (default: 10)",
    )


def add_connections(parser: argparse.ArgumentParser) -> None:
    """Add `--connect-to`."""
    parser.add_argument_group("connections").add_argument(
        "--connect-to",
        action="append",
        default=[],
        metavar="HOST:PORT:ADDRESS:PORT",
        help="connect to a host at another address, as curl's option does; repeatable",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def seconds(text: str) -> float:
    """Read a number of seconds.

    Raises:
        argparse.ArgumentTypeError: it isn't a number, or is out of range.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError(f"{text}: accepted: seconds, more than 0 and at most 3600")
    return number


def load_stack(options: argparse.Namespace) -> Stack:
    """Read the stack that `--stack` and `--project` name.

    Raises:
        BadConfiguration: there is no such stack, or its configuration is wrong.
    """
    from operations import stack

    return stack.load(options.project, options.stack)


def load_web(options: argparse.Namespace) -> Web:
    """Return the connections that `--timeout` and `--connect-to` describe.

    Raises:
        BadConfiguration: a `--connect-to` can't be read.
    """
    from operations.web import Web, parse_routes

    return Web(options.timeout, parse_routes(options.connect_to))


def show(title: str, found: Sequence[Verdict], *, as_json: bool) -> int:
    """Print verdicts and return the resulting exit code."""
    from operations import verdicts

    verdicts.show(title, found, as_json=as_json)
    return 0 if verdicts.all_passed(found) else 1
