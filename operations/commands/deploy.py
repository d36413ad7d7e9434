"""`deploy up|preview|destroy|refresh|unlock`: run the Pulumi CLI, with every policy pack attached."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

from operations.command_line import Command, add_stack


def _add_preview(parser: argparse.ArgumentParser) -> None:
    _add_diff(parser)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the plan as JSON, as `python -m rehearsal` does"
    )
    parser.add_argument("--save-plan", dest="plan", type=Path, metavar="FILE", help="save the plan for `up --plan`")


def _add_up(parser: argparse.ArgumentParser) -> None:
    _add_diff(parser)
    parser.add_argument("--plan", type=Path, metavar="FILE", help="do only what this saved plan contains")
    parser.add_argument("--yes", action="store_true", help="apply what the preview shows without asking, as CI does")
    parser.add_argument(
        "--without-workloads",
        action="store_true",
        help="leave out the workloads that this program creates and their network: CI's role ci-deploy can't change "
        "them",
    )
    parser.add_argument(
        "--change-park-mode",
        action="store_true",
        help="park or unpark the workloads without the checks of `park` and `unpark`",
    )


def _add_destroy(parser: argparse.ArgumentParser) -> None:
    _add_diff(parser)
    parser.add_argument("--confirm", metavar="NAME", help="the stack's name, instead of typing it at the prompt")


def _add_refresh(parser: argparse.ArgumentParser) -> None:
    _add_diff(parser)
    parser.add_argument("--preview-only", action="store_true", help="only show the differences")
    parser.add_argument("--expect-no-changes", action="store_true", help="fail if something differs")
    parser.add_argument(
        "--without-secrets",
        action="store_true",
        help="leave out listener rules, distributions and parameters: AWS shows the header secret with them, so CI's "
        "preview role isn't allowed to read them",
    )
    parser.add_argument("--yes", action="store_true", help="write the differences into the state without asking")
    parser.add_argument("--clear-pending", action="store_true", help="forget what a killed `up` was about to create")


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--diff", action="store_true", help="show each changed property")


def _add_nothing(_: argparse.ArgumentParser) -> None:
    """Unlocking has no options of its own."""


_OPERATIONS: Final[dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]]] = {
    "preview": ("show what `up` would do, and the packs' verdict on it", _add_preview),
    "up": ("preview, ask for confirmation, then apply", _add_up),
    "destroy": ("show what would be destroyed, ask for the stack's name, then destroy it", _add_destroy),
    "refresh": ("compare the state with what exists, ask, then write the differences into the state", _add_refresh),
    "unlock": (
        "remove the lock of an operation that was killed; make sure first that none is running",
        _add_nothing,
    ),
}
"""Operation -> its help, and the function that adds its options."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    operations = parser.add_subparsers(dest="operation", required=True, metavar="OPERATION")
    for name, (text, add_options) in _OPERATIONS.items():
        own = operations.add_parser(name, help=text, description=text, epilog=_EXIT_CODES)
        add_options(own)
        add_stack(own)


def _run(options: argparse.Namespace) -> int:
    from operations import deploy

    where = (options.project, options.stack)
    match options.operation:
        case "preview":
            return deploy.preview(*where, diff=options.diff, plan=options.plan, output=options.json)
        case "up":
            return deploy.up(
                *where,
                yes=options.yes,
                diff=options.diff,
                plan=options.plan,
                without_workloads=options.without_workloads,
                change_park_mode=options.change_park_mode,
            )
        case "destroy":
            return deploy.destroy(*where, diff=options.diff, confirm=options.confirm)
        case "refresh":
            return deploy.refresh(
                *where,
                diff=options.diff,
                preview_only=options.preview_only,
                yes=options.yes,
                expect_no_changes=options.expect_no_changes,
                without_secrets=options.without_secrets,
                clear_pending=options.clear_pending,
            )
    return deploy.unlock(*where)


_EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 a mandatory violation or a failed operation; 2 bad usage, or the Pulumi CLI is missing; "
    "otherwise the Pulumi CLI's exit code (6: the backend has no such stack yet)."
)

COMMAND: Final = Command(
    "deploy",
    "preview, apply or destroy a stack with the Pulumi CLI",
    "Preview and apply a stack with the Pulumi CLI. Every policy pack under policies/ is attached with its "
    "configuration, policies/config/<pack>.<stack>.json, and nothing is applied without a preview.",
    _add_arguments,
    _run,
    _EXIT_CODES,
)
