"""`adopt`: take over resources that Terraform manages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from operations.command_line import EXIT_CODES, Command, add_connections, add_stack_and_timeout

_FORMATS: Final = ("table", "json", "markdown")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--terraform-state",
        metavar="FILE",
        help="the output of `terraform state pull`; - for standard input. Secret values in it aren't kept",
    )
    parser.add_argument(
        "--lookup",
        action="store_true",
        help="also take over resources that aren't in Terraform's state: look them up in AWS and Cloudflare",
    )
    parser.add_argument("--map", type=Path, metavar="FILE", help="corrections to the match: `ids` and `leave`, by URN")
    parser.add_argument("--format", choices=_FORMATS, default="table", help="the report's format (default: table)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also write the report to a file, for --take-over")
    parser.add_argument(
        "--take-over",
        type=Path,
        metavar="REPORT",
        help="import the resources of this report into the stack; refused unless nothing blocks it and nothing has "
        "changed since",
    )
    parser.add_argument(
        "--hand-over",
        type=Path,
        metavar="REPORT",
        help="write files that make Terraform forget the resources of this report, to review with Terraform's code; "
        "changes nothing",
    )
    parser.add_argument(
        "--check-plan",
        metavar="PLAN",
        help="check that Terraform's next plan only forgets resources; a file, or - for standard input, with the "
        "output of `terraform show -json`",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("hand-over"),
        metavar="FOLDER",
        help="the folder for the files of the hand-over (default: hand-over)",
    )
    add_stack_and_timeout(parser)
    add_connections(parser)


def _run(options: argparse.Namespace) -> int:
    from operations.adopt import run

    return run.run(options)


COMMAND: Final = Command(
    "adopt",
    "take over resources that Terraform manages",
    "Match the program's resources with those in Terraform's state or listed by AWS and Cloudflare, rehearse their "
    "import in a private backend, judge the result with every pack, and report what the first `up` would change. "
    "Changes nothing, unless --take-over imports the resources into the stack; the account doesn't change even then.",
    _add_arguments,
    _run,
    EXIT_CODES,
)
