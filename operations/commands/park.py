"""`park` and `unpark`: stop resources that are billed by the hour, and start them again."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from operations.command_line import Command, add_connections, add_stack_and_timeout, load_stack, load_web

_EXIT_CODES: Final = (
    "Exit codes: 0 done, or a dry run without problems; 1 a check failed, before or after the update; 2 bad usage, "
    "configuration or AWS credentials, or no Pulumi CLI; otherwise the Pulumi CLI's exit code."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="check, and say what would be done; change nothing")
    parser.add_argument("--yes", action="store_true", help="apply what the preview shows without asking")
    add_stack_and_timeout(parser)
    add_connections(parser)
    parser.set_defaults(pool_paused=False)


def _add_arguments_of_park(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pool-paused",
        action="store_true",
        help="you have checked yourself that Prefect's work pool is paused and no flow is running",
    )
    _add_arguments(parser)


def _runs(name: str) -> Callable[[argparse.Namespace], int]:
    def carry_out(options: argparse.Namespace) -> int:
        from operations.aws import Aws
        from operations.park import run

        stack = load_stack(options)
        return run.run(
            {"park": run.PARK, "unpark": run.UNPARK}[name],
            stack,
            Aws(stack.settings.region, options.timeout),
            load_web(options),
            options.project,
            dry_run=options.dry_run,
            yes=options.yes,
            pool_paused=options.pool_paused,
        )

    return carry_out


PARK: Final = Command(
    "park",
    "stop resources that are billed by the hour; both hosts then say that the platform is parked",
    "Park a platform whose workloads this program creates, once its file says `parkMode: parked`: check that no "
    "flow or task is running and that there is a backup, apply, and check the result. After a failure, run it again.",
    _add_arguments_of_park,
    _runs("park"),
    _EXIT_CODES,
)
UNPARK: Final = Command(
    "unpark",
    "start a parked platform again",
    "Unpark a platform whose workloads this program creates, once its file says `parkMode: unparked`: check that "
    "there is a database, or a snapshot to restore, apply, and check the result. After a failure, run it again.",
    _add_arguments,
    _runs("unpark"),
    _EXIT_CODES,
)
