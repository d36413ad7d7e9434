"""`park` and `unpark`: stop what costs by the hour, and start it again."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from operations.command_line import Command, add_connections, add_stack_and_timeout, load_stack, load_web

_EXIT_CODES: Final = (
    "Exit codes: 0 arrived, or a dry run that nothing speaks against; 1 something speaks against it, or isn't as it "
    "should be afterwards; 2 bad usage, configuration or AWS credentials, or no Pulumi CLI; otherwise what the Pulumi "
    "CLI ends with."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="look, and say what would be done; change nothing")
    parser.add_argument("--yes", action="store_true", help="apply what the preview shows without asking")
    add_stack_and_timeout(parser)
    add_connections(parser)
    parser.set_defaults(pool_paused=False)


def _add_arguments_of_park(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pool-paused",
        action="store_true",
        help="you have looked yourself: Prefect's work pool is paused and no flow runs",
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
    "stop what costs by the hour; both hosts then say that the platform is parked",
    "Park a platform whose workloads are made here, once its file says `parkMode: parked`: look whether a flow, a task "
    "or a missing backup speaks against it, apply, and look at what came of it. After a failure, run it again.",
    _add_arguments_of_park,
    _runs("park"),
    _EXIT_CODES,
)
UNPARK: Final = Command(
    "unpark",
    "start again what was parked",
    "Unpark a platform whose workloads are made here, once its file says `parkMode: unparked`: look whether there is a "
    "database or a snapshot to start one from, apply, and look at what came of it. After a failure, run it again.",
    _add_arguments,
    _runs("unpark"),
    _EXIT_CODES,
)
