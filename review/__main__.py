"""`python -m review`: what a working copy changes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from review import difference
from review.compared import compare_with
from stackfiles import project
from stackfiles.failures import Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _diff(given)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code


def _diff(given: argparse.Namespace) -> int:
    folder: Path = given.project.resolve()
    stack = given.stack or project.default_stack(folder)
    compared = compare_with(folder, stack, given.base)
    for what, plan in (("the base", compared.base), ("the working copy", compared.plan)):
        if plan and "error" in plan:
            raise Failure(f"{what} can't be planned, so nothing is compared: {plan['error']}")
    print(difference.text(stack, compared), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m review",
        description="Show what a working copy changes.",
        epilog="Exit codes: 0 shown, whatever the packs say; 1 a plan can't be made; 2 bad usage.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    diff = commands.add_parser(
        "diff",
        help="resources, what the packs say, and who may do what, against a revision",
        description="Plan a stack as it is here and as it was where this working copy left a revision, and tell what "
        "differs: resources, what the packs say, and what the change lets whom do.",
    )
    diff.add_argument("--base", default="main", metavar="REVISION", help="branch, tag or commit (default: main)")
    diff.add_argument("--stack", metavar="NAME", help="the stack (default: prod, or the only one)")
    diff.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
