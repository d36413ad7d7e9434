"""`park` and `unpark`: check, apply, and check again.

A run remembers nothing from the one before: it looks at the account and continues from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operations import deploy
from operations.aws import Aws
from operations.park import checks, costs
from operations.park.account import Account
from operations.stack import Stack
from operations.verdicts import Verdict, all_passed, output, progress, say, show
from operations.web import Web
from stackfiles.failures import BadConfiguration


@dataclass(frozen=True)
class Step:
    """A part of the update. `takes` is the estimated time; with `only`, it applies to that databaseWhenParked."""

    text: str
    takes: str
    only: str = ""


@dataclass(frozen=True)
class Direction:
    """Parking or unparking. `mode` is the parkMode that it leads to.

    `before` and `after` are the checks, `steps` the parts of the update, in order.
    """

    command: str
    mode: str
    title: str
    before: Callable[[Account, Web, bool], list[Verdict]]
    after: Callable[[Account, Web], list[Verdict]]
    steps: Sequence[Step]


PARK: Final = Direction(
    "park",
    "parked",
    "Parking",
    checks.before_parking,
    checks.parked,
    (
        Step("the marker says `parked`, and both hosts answer 503", "under a minute"),
        Step("Prefect API, worker and Backstage stop, one after another", "1 to 3 minutes each"),
        Step("routes, NAT gateways and their addresses are deleted", "1 to 2 minutes"),
        Step("the database pauses by itself", "5 minutes after its last connection", only="paused"),
        Step("the database is deleted and leaves a snapshot", "5 to 15 minutes", only="deleted"),
    ),
)
UNPARK: Final = Direction(
    "unpark",
    "unparked",
    "Unparking",
    checks.before_unparking,
    checks.unparked,
    (
        Step("NAT gateways and routes are created", "1 to 2 minutes"),
        Step("a database is restored from the last one's snapshot", "15 to 30 minutes", only="deleted"),
        Step("Prefect API, worker and Backstage start, one after another", "1 to 5 minutes each"),
        Step("the database wakes up at the first connection", "15 seconds", only="paused"),
        Step("the marker says `unparked`, and both hosts lead to the sign-in", "under a minute"),
    ),
)


def run(
    direction: Direction, stack: Stack, aws: Aws, web: Web, folder: Path, *, dry_run: bool, yes: bool, pool_paused: bool
) -> int:
    """Park or unpark, and return the exit code: 0 done, 1 a check failed, otherwise the Pulumi CLI's.

    Args:
        direction: `PARK` or `UNPARK`.
        stack: The stack, whose file already has the mode.
        aws: The account.
        web: How to reach hosts.
        folder: The project's folder.
        dry_run: Whether to check and change nothing.
        yes: Whether to apply without asking.
        pool_paused: Whether somebody has checked that Prefect's work pool is paused and no flow is running.

    Raises:
        BadConfiguration: the stack's file has another mode, another account, no credentials, or no CLI.
        Failure: AWS or Prefect refused or didn't answer.
    """
    _require_setting(direction, stack)
    aws.require_account(stack.settings.account)
    account = Account(stack, aws)
    with progress("checking what is running"):
        arrived = direction.after(account, web)
    if all_passed(arrived):
        show(f"{stack.names.environment} is {direction.mode}", arrived, as_json=False)
        return 0
    with progress("checking the preconditions"):
        before = direction.before(account, web, pool_paused)
    show(f"Before {direction.title.lower()} {stack.names.environment}", before, as_json=False)
    _tell(direction, stack)
    if not all_passed(before):
        say("Nothing was changed.")
        return 1
    if dry_run:
        say("Dry run: nothing was changed.")
        return 0
    name = stack.names.environment
    if code := deploy.up(folder, name, yes=yes, change_park_mode=True):
        say(f"The update failed. Run `make {direction.command} STACK={name}` again to continue.")
        return code
    with progress("checking the result"):
        arrived = direction.after(account, web)
    show(f"After {direction.title.lower()} {stack.names.environment}", arrived, as_json=False)
    return 0 if all_passed(arrived) else 1


def _require_setting(direction: Direction, stack: Stack) -> None:
    """Refuse a mode that the stack's file, which is reviewed, doesn't have.

    Raises:
        BadConfiguration: the file has another mode, or the program doesn't create the workloads.
    """
    file = f"Pulumi.{stack.names.environment}.yaml"
    if not stack.settings.here:
        raise BadConfiguration(
            f"{file} has workloads `elsewhere`, where parkMode is only a marker; accepted: workloads `here`"
        )
    if stack.settings.park_mode != direction.mode:
        raise BadConfiguration(
            f"{file} has parkMode `{stack.settings.park_mode}`; accepted: `{direction.mode}`, reviewed and merged "
            "first (docs/runbooks/parking.md)"
        )


def _tell(direction: Direction, stack: Stack) -> None:
    """Print what the update does, how long that takes, and what the platform costs."""
    say(f"\n{direction.title}, in this order (times are estimates):")
    steps = [step for step in direction.steps if step.only in ("", stack.settings.database_when_parked)]
    for number, step in enumerate(steps, 1):
        say(f"  {number}. {step.text} ({step.takes})")
    say("")
    output().print(costs.table(stack.settings))
    for note in costs.notes(stack.settings):
        say(note)
    say("")
