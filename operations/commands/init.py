"""`init`: ask for what differs between owners and environments, and write what follows from it."""

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
        help="take over that stack's answers, but for what an environment has of its own",
    )
    parser.add_argument("--all", action="store_true", help="ask for every option too, not only for what has no default")
    parser.add_argument("--yes", action="store_true", help="ask nothing: answers that are missing are an error")
    parser.add_argument("--only", action="store_true", help="take the files of all other stacks away")
    parser.add_argument("--offline", action="store_true", help="look nothing up in AWS or Cloudflare")
    add_stack_and_timeout(parser)
    add_connections(parser)


def _run(options: argparse.Namespace) -> int:
    from operations.init.run import run

    return run(options)


COMMAND: Final = Command(
    "init",
    "ask for what differs between owners and environments, and write it",
    "Ask for the facts of a stack: account, region, domain, sign-in, network, CI. Each answer is checked at once, and "
    "what the shell's AWS credentials and CLOUDFLARE_API_TOKEN can look up is offered. Then the stack's file is "
    "written with all that follows from it in policies/config and docs, or nothing is, and the stack is previewed. "
    "It asks for no secret value. Run it again to change single answers.",
    _add_arguments,
    _run,
    "Exit codes: 0 the preview passed; 1 it didn't, or nothing was written; 2 an answer is wrong or missing, or bad "
    "usage.",
)
