"""`adopt`: take over what Terraform runs."""

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
        help="what `terraform state pull` wrote; - for standard input. Values of secrets in it aren't kept",
    )
    parser.add_argument(
        "--lookup",
        action="store_true",
        help="look up by AWS's and Cloudflare's APIs, and take over, what Terraform's state doesn't have",
    )
    parser.add_argument("--map", type=Path, metavar="FILE", help="what you know better: `ids` and `leave`, by URN")
    parser.add_argument("--format", choices=_FORMATS, default="table", help="of the report (default: table)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there too, for --take-over")
    parser.add_argument(
        "--take-over",
        type=Path,
        metavar="REPORT",
        help="import into the stack itself what this report has; refused unless it is clean and still true",
    )
    parser.add_argument(
        "--hand-over",
        type=Path,
        metavar="REPORT",
        help="write what has Terraform forget what this report takes over, for a review of its code; changes nothing",
    )
    parser.add_argument(
        "--check-plan",
        metavar="PLAN",
        help="tell whether Terraform's next plan only forgets; the file, or - for standard input, is what "
        "`terraform show -json` printed",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("hand-over"),
        metavar="FOLDER",
        help="where the files of the hand-over are (default: hand-over)",
    )
    add_stack_and_timeout(parser)
    add_connections(parser)


def _run(options: argparse.Namespace) -> int:
    from operations.adopt import run

    return run.run(options)


COMMAND: Final = Command(
    "adopt",
    "take over what Terraform runs",
    "Match what the program plans with what Terraform's state has or AWS and Cloudflare list, rehearse its import in a "
    "private backend, judge it with every pack, and report what the first `up` would change. Changes nothing, unless "
    "--take-over imports it into the stack; then nothing in the account changes either.",
    _add_arguments,
    _run,
    EXIT_CODES,
)
