"""`init`: ask for what differs between owners and environments, and write the files that depend on it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from operations.command_line import Command, add_connections, add_stack_and_timeout


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--answers", type=Path, metavar="FILE", help="answers as YAML or JSON: key to value")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one answer; a list has commas; repeatable"
    )
    parser.add_argument(
        "--like",
        default="",
        metavar="STACK",
        help="start from that stack's answers, except those that are specific to an environment",
    )
    parser.add_argument("--all", action="store_true", help="also ask for settings that have a default")
    parser.add_argument("--yes", action="store_true", help="ask nothing: a missing answer is an error")
    parser.add_argument("--only", action="store_true", help="remove the files of all other stacks")
    parser.add_argument("--offline", action="store_true", help="look nothing up in AWS or Cloudflare")
    add_stack_and_timeout(parser)
    add_connections(parser)


def _run(options: argparse.Namespace) -> int:
    from operations.init.run import run

    return run(options)


COMMAND: Final = Command(
    "init",
    "ask for what differs between owners and environments, and write it",
    "Ask for a stack's account, region, domain, sign-in, network and CI. Each answer is checked at once. What can be "
    "looked up with the shell's AWS credentials and CLOUDFLARE_API_TOKEN is offered as an answer. Then write the "
    "stack's file and all files in policies/config and docs that depend on it, or nothing, and preview the stack. "
    "Never asks for a secret value. Run it again to change single answers.",
    _add_arguments,
    _run,
    "Exit codes: 0 the preview passed; 1 it didn't, or nothing was written; 2 an answer is wrong or missing, or bad "
    "usage.",
)
