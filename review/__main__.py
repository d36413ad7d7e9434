"""`python -m review`: shows what a working copy changes, and writes a whole stack as a page."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rehearsal.base_verdict.judged import judged
from review import difference, repository
from review.compared import Compared, compare_with
from review.page import adoption
from review.page.data import Shown, expected_readers
from review.page.document import page
from stackfiles import plan_file, project, text_file
from stackfiles.failures import BadConfiguration, Failure


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _diff(given) if given.command == "diff" else _page(given)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code


def _diff(given: argparse.Namespace) -> int:
    folder: Path = given.project.resolve()
    stack = given.stack or project.default_stack(folder)
    compared = compare_with(folder, stack, given.base)
    for what, plan in (("the base", compared.base), ("the working copy", compared.plan)):
        if plan and "error" in plan:
            raise Failure(f"{what} can't be planned, so there is no comparison: {plan['error']}")
    print(difference.text(stack, compared), end="")
    return 0


def _page(given: argparse.Namespace) -> int:
    folder: Path = given.project.resolve()
    adopted = adoption.read(given.adoption) if given.adoption else None
    if adopted:
        if given.stack not in (None, adopted["stack"]):
            raise BadConfiguration(
                f"--adoption {given.adoption} is about the stack {adopted['stack']}, not {given.stack}; "
                f"accepted: --stack {adopted['stack']}, or no --stack"
            )
        given.stack = adopted["stack"]
    if given.plan:
        plan = plan_file.read(given.plan)
        base = plan_file.read(Path(given.base)) if given.base else None
        compared = Compared(plan, base, str(given.base or ""))
        stack = given.stack or _planned_stack(compared)
    else:
        stack = given.stack or project.default_stack(folder)
        project.require_stack(folder, stack)
        if given.base:
            compared = compare_with(folder, stack, given.base)
        else:
            compared = Compared(judged(folder, stack, folder), None, "")
    pack = folder / "policies" / "least_privilege"
    file = project.policy_config(folder, pack, stack)
    expected = expected_readers(json.loads(text_file.read(file))) if file else {}
    output = given.output or folder / "build" / f"page.{stack}.html"
    output.parent.mkdir(parents=True, exist_ok=True)
    address = repository.address(folder)
    shown = Shown(stack, compared.plan, compared.base, compared.against, expected, address, adopted)
    text_file.write(output, page(shown), "--output")
    print(f"{output}: {stack}, {'passed' if shown.passed else 'failed'}")
    return 0


def _planned_stack(compared: Compared) -> str:
    """Return a plan's stack, according to its URNs."""
    urns = (step["urn"] for step in compared.plan["steps"])
    try:
        return next(urns).split("::")[0].removeprefix("urn:pulumi:")
    except StopIteration:
        raise BadConfiguration("--plan has no resources, so its stack isn't known; accepted: --stack NAME") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m review",
        description="Show what a working copy changes, or a whole stack as a page.",
        epilog="Exit codes: 0 shown, whatever the verdict; 1 a plan can't be made; 2 bad usage.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    diff = commands.add_parser(
        "diff",
        help="changed resources, violations and access, compared with a revision",
        description="Plan a stack as it is here, and as it was at the commit where this working copy branched off from "
        "a revision, and show what differs: resources, violations, and who is allowed to do what.",
    )
    diff.add_argument("--base", default="main", metavar="REVISION", help="branch, tag or commit (default: main)")
    whole = commands.add_parser(
        "page",
        help="a whole stack as one HTML file",
        description="Write a stack as one HTML file that needs no network: verdict, resources with a diagram, who is "
        "allowed to do what, what answers a request, the rules, and what differs from a base.",
    )
    whole.add_argument("--base", metavar="BASE", help="compare with a revision; with --plan, with another plan's file")
    whole.add_argument(
        "--plan", type=Path, metavar="FILE", help="show this plan of either engine, instead of making one"
    )
    whole.add_argument("--adoption", type=Path, metavar="FILE", help="also show this JSON report of `operations adopt`")
    whole.add_argument("--output", type=Path, metavar="FILE", help="the file (default: build/page.STACK.html)")
    for command in (diff, whole):
        command.add_argument("--stack", metavar="NAME", help="the stack (default: prod, or the only one)")
        command.add_argument(
            "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
