"""`python -m rehearsal`: the command line."""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

from rehearsal import project, stack
from rehearsal.failures import BadConfiguration, Failure
from rehearsal.plan import Plan

_INTERRUPTED: Final = 130


def main() -> int:
    """Run the command and return its exit code."""
    arguments = _parser().parse_args()
    # A rehearsal lives for seconds: freeing what little becomes garbage costs more time than it gives memory.
    gc.disable()
    # Like Ctrl-C: an exception, so that the packs are stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _rehearse(arguments)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        # The packs are stopped; an orderly end would only tell of coroutines that nobody awaits any more.
        os._exit(_INTERRUPTED)


def _rehearse(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.project.resolve()
    # The program moves to its own folder; what the command line names stays where it is.
    output = arguments.json.absolute() if arguments.json and str(arguments.json) != "-" else None
    stacks = project.stacks(folder) if arguments.all_stacks else [arguments.stack]
    if not stacks:
        raise BadConfiguration(f"there is no Pulumi.<stack>.yaml in {folder}")
    documents = {}
    codes = []
    for name in stacks:
        plan = Plan(folder.name, name)
        failure = _rehearse_stack(arguments, folder, plan)
        codes.append(failure.exit_code if failure else int(not plan.passed))
        documents[name] = plan.document() | ({"error": str(failure)} if failure else {})
        _report(arguments, plan, failure)
    if arguments.json:
        _write(documents if arguments.all_stacks else documents[stacks[0]], output)
    return max(codes)


def _rehearse_stack(arguments: argparse.Namespace, folder: Path, plan: Plan) -> Failure | None:
    """Plan one stack and have it judged. What ends it early is returned, with the plan as far as it got."""
    _progress(f"{plan.stack}: loading the program and the packs")
    try:
        packs = _packs(arguments, folder, plan.stack)
    except Failure as failure:
        return failure
    return stack.rehearse(
        folder,
        plan,
        packs,
        arguments.pack_timeout,
        planned=lambda: _progress(f"{plan.stack}: {len(plan.created)} resources; the packs judge the stack"),
    )


def _packs(arguments: argparse.Namespace, folder: Path, stack_name: str) -> list[tuple[Path, Path | None]]:
    """Return the packs to run, each with its configuration file if there is one."""
    if arguments.policy_config and len(arguments.policy_config) != len(arguments.pack):
        raise BadConfiguration("--policy-config pairs with --pack, in order: give one of each for every pack")
    packs = [pack.resolve() for pack in arguments.pack] or project.attached(folder)
    for pack in packs:
        if not (pack / "PulumiPolicy.yaml").is_file():
            raise BadConfiguration(f"{pack} is no policy pack: it has no PulumiPolicy.yaml")
    if arguments.policy_config:
        return list(zip(packs, (path.resolve() for path in arguments.policy_config), strict=True))
    return [(pack, project.policy_config(folder, pack, stack_name)) for pack in packs]


def _report(arguments: argparse.Namespace, plan: Plan, failure: Failure | None) -> None:
    from rehearsal import report

    # The plan alone belongs on stdout when it is asked for there.
    stream = sys.stderr if str(arguments.json) == "-" else sys.stdout
    report.write(plan, failure, stream, quiet=arguments.quiet)


def _write(document: object, output: Path | None) -> None:
    text = json.dumps(document, indent=2)
    if output is None:
        print(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(f"--json {output}: {error.strerror}") from None


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[2K{text} …", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Preview the program on an empty account and let the policy packs judge it, "
        "with no Pulumi CLI, no cloud account and no network.",
        epilog="Exit codes: 0 passed; 1 a mandatory violation, or the program or a pack failed; "
        "2 bad configuration or usage.",
    )
    parser.add_argument("--stack", default="prod", metavar="NAME", help="the stack to plan (default: prod)")
    parser.add_argument("--all-stacks", action="store_true", help="plan every stack that has a Pulumi.<stack>.yaml")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the plan there, by stack with --all-stacks; - for stdout"
    )
    parser.add_argument(
        "--pack",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a policy pack to run; repeatable (default: every pack under policies/)",
    )
    parser.add_argument(
        "--policy-config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="configuration of the pack given in the same place (default: policies/config/<pack>.<stack>.json)",
    )
    parser.add_argument(
        "--pack-timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="time for a pack to start, and for each of its answers (default: 60)",
    )
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    parser.add_argument("--quiet", action="store_true", help="show violations and the summary only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
