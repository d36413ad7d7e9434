"""`python -m rehearsal`: the command line."""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
from pathlib import Path
from typing import Final, NoReturn, TextIO

from rehearsal.engine import interrupts, stack
from rehearsal.engine.plan import Plan
from stackfiles import project, text_file
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.visible_text import visible

_CLEAR_LINE: Final = "\r\033[2K"


def main() -> int:
    """Run the command and return its exit code."""
    arguments = _parser().parse_args()
    # A rehearsal only lasts seconds, and garbage collection would cost more time than the memory is worth.
    gc.disable()
    interrupts.raise_keyboard_interrupts()
    try:
        return _rehearse(arguments)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        # The packs are stopped; a normal exit would only warn about coroutines that were never awaited.
        _exit(interrupts.INTERRUPTED)


def _rehearse(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.project.resolve()
    # With `--json -`, only the plan goes to stdout.
    to_stdout = str(arguments.json) == "-"
    # The program changes the current folder, so a relative path has to be made absolute first.
    output = arguments.json.absolute() if arguments.json and not to_stdout else None
    stacks = project.stacks(folder) if arguments.all_stacks else [arguments.stack or project.default_stack(folder)]
    if not stacks:
        raise BadConfiguration(f"there is no Pulumi.<stack>.yaml in {folder}")
    plans = {}
    for name in stacks:
        plans[name] = _plan(arguments, folder, name)
        _report(plans[name], sys.stderr if to_stdout else sys.stdout, quiet=arguments.quiet)
    documents = {name: plan.document() for name, plan in plans.items()}
    document = json.dumps(documents if arguments.all_stacks else documents[stacks[0]], indent=2) + "\n"
    if to_stdout:
        _print(document, sys.stdout)
    elif output:
        text_file.write(output, document, "--json")
    return max(plan.exit_code for plan in plans.values())


def _plan(arguments: argparse.Namespace, folder: Path, stack_name: str) -> Plan:
    """Plan one stack and let the packs judge it."""
    _progress(f"{stack_name}: loading the program and the packs")
    try:
        packs = _packs(arguments, folder, stack_name)
    except Failure as failure:
        return Plan(folder.name, stack_name, failure=failure)
    return stack.rehearse(
        folder,
        stack_name,
        packs,
        arguments.pack_timeout,
        planned=lambda count: _progress(f"{stack_name}: {count} resources; the packs are judging the stack"),
    )


def _packs(arguments: argparse.Namespace, folder: Path, stack_name: str) -> list[tuple[Path, Path | None]]:
    """Return the packs to run, each with its configuration file if there is one."""
    if arguments.policy_config and len(arguments.policy_config) != len(arguments.pack):
        raise BadConfiguration("--policy-config is paired with --pack, in order: give one for every pack")
    if arguments.unjudged:
        return []
    if arguments.judge_with:
        # Both the packs and their configuration come from there, so that the judged project provides neither.
        folder = arguments.judge_with.resolve()
    packs = [pack.absolute() for pack in arguments.pack] or project.attached(folder)
    for pack in packs:
        if not (pack / "PulumiPolicy.yaml").is_file():
            raise BadConfiguration(f"{pack} isn't a policy pack: it has no PulumiPolicy.yaml")
    if arguments.policy_config:
        return list(zip(packs, (path.resolve() for path in arguments.policy_config), strict=True))
    return [(pack, project.policy_config(folder, pack, stack_name)) for pack in packs]


def _report(plan: Plan, stream: TextIO, *, quiet: bool) -> None:
    from rehearsal.reports import console

    if sys.stderr.isatty():
        print(_CLEAR_LINE, end="", file=sys.stderr, flush=True)
    _print(console.text(plan, terminal=stream.isatty(), quiet=quiet), stream)
    if plan.failure is not None:
        print(f"error: {visible(str(plan.failure))}", file=sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, end="", file=stream, flush=True)
    except BrokenPipeError:
        # A reader such as `head` stopped reading. The verdict stays the same, so the rest of the output is dropped.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"{_CLEAR_LINE}{text} …", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Preview the program on an empty account and let the policy packs judge it, "
        "with no Pulumi CLI, no cloud account and no network.",
        epilog="Exit codes: 0 passed; 1 a mandatory violation, or the program or a pack failed; "
        "2 bad configuration or usage.",
    )
    parser.add_argument("--stack", metavar="NAME", help="the stack to plan (default: prod, or the only one)")
    parser.add_argument("--all-stacks", action="store_true", help="plan every stack that has a Pulumi.<stack>.yaml")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the plan as JSON (by stack, with --all-stacks); - for stdout"
    )
    judges = parser.add_mutually_exclusive_group()
    judges.add_argument(
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
        help="configuration of the --pack in the same position (default: policies/config/<pack>.<stack>.json)",
    )
    judges.add_argument(
        "--judge-with",
        type=Path,
        metavar="FOLDER",
        help="take the packs, their configuration and their waivers from the project in another folder",
    )
    judges.add_argument(
        "--unjudged", action="store_true", help="only plan, for commands that read the plan: no pack judges it"
    )
    parser.add_argument(
        "--pack-timeout",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="time limit for a pack to start, and for each of its answers (default: 60)",
    )
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    parser.add_argument("--quiet", action="store_true", help="only show violations and the summary")
    return parser


def _exit(code: int) -> NoReturn:
    """End the process at once. A normal exit first frees everything that was loaded, which takes 0.2 s."""
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _exit(main())
