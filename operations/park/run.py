"""`park` and `unpark`: what is looked at, applied, and looked at again.

Nothing is remembered between two runs: each looks at what is, and goes on from there.
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
    """A part of the update. `takes` is an estimate of how long; `only` is a value of databaseWhenParked."""

    text: str
    takes: str
    only: str = ""


@dataclass(frozen=True)
class Way:
    """One of the two ways. `mode` is what the stack's file says where it leads to.

    `before` and `after` are the checks, `steps` what one update does, in order.
    """

    command: str
    mode: str
    title: str
    before: Callable[[Account, Web, bool], list[Verdict]]
    after: Callable[[Account, Web], list[Verdict]]
    steps: Sequence[Step]


PARK: Final = Way(
    "park",
    "parked",
    "Parking",
    checks.before_parking,
    checks.parked,
    (
        Step("the marker says `parked`, and both hosts answer 503", "under a minute"),
        Step("Prefect API, worker and Backstage stop, one after another", "1 to 3 minutes each"),
        Step("routes, NAT gateways and their addresses go", "1 to 2 minutes"),
        Step("the database pauses by itself", "5 minutes after its last connection", only="paused"),
        Step("the database goes and leaves a snapshot", "5 to 15 minutes", only="deleted"),
    ),
)
UNPARK: Final = Way(
    "unpark",
    "unparked",
    "Unparking",
    checks.before_unparking,
    checks.unparked,
    (
        Step("NAT gateways and routes are made", "1 to 2 minutes"),
        Step("a database starts from the snapshot that the last one left", "15 to 30 minutes", only="deleted"),
        Step("Prefect API, worker and Backstage start, one after another", "1 to 5 minutes each"),
        Step("the database wakes up at the first connection", "15 seconds", only="paused"),
        Step("the marker says `unparked`, and both hosts lead to the sign-in", "under a minute"),
    ),
)


def run(
    way: Way, stack: Stack, aws: Aws, web: Web, folder: Path, *, dry_run: bool, yes: bool, pool_paused: bool
) -> int:
    """Go a way and return the exit code: 0 arrived, 1 refused or not arrived, otherwise what the Pulumi CLI ends with.

    Args:
        way: `PARK` or `UNPARK`.
        stack: The stack, whose file says the mode already.
        aws: The account.
        web: How to reach hosts.
        folder: The project's folder.
        dry_run: Whether to look and change nothing.
        yes: Whether what the preview shows is applied without asking.
        pool_paused: Whether somebody has seen that Prefect's work pool is paused and no flow runs.

    Raises:
        BadConfiguration: the stack's file says something else, another account, no credentials, or no CLI.
        Failure: AWS or Prefect refused or didn't answer.
    """
    _require_setting(way, stack)
    aws.require_account(stack.settings.account)
    account = Account(stack, aws)
    with progress("looking at what runs"):
        arrived = way.after(account, web)
    if all_passed(arrived):
        show(f"{stack.names.environment} is {way.mode}", arrived, as_json=False)
        return 0
    with progress("looking at what speaks against it"):
        before = way.before(account, web, pool_paused)
    show(f"Before {way.title.lower()} {stack.names.environment}", before, as_json=False)
    _tell(way, stack)
    if not all_passed(before):
        say("Nothing was changed.")
        return 1
    if dry_run:
        say("Dry run: nothing was changed.")
        return 0
    name = stack.names.environment
    if code := deploy.up(folder, name, yes=yes, change_park_mode=True):
        say(f"The update broke off. Run `make {way.command} STACK={name}` again: it goes on from what is.")
        return code
    with progress("looking at what came of it"):
        arrived = way.after(account, web)
    show(f"After {way.title.lower()} {stack.names.environment}", arrived, as_json=False)
    return 0 if all_passed(arrived) else 1


def _require_setting(way: Way, stack: Stack) -> None:
    """Refuse to change what the stack's file, which people review, doesn't say.

    Raises:
        BadConfiguration: it says another mode, or others make the workloads.
    """
    file = f"Pulumi.{stack.names.environment}.yaml"
    if not stack.settings.here:
        raise BadConfiguration(
            f"{file} has workloads `elsewhere`, where parkMode is a marker and no more; accepted: workloads `here`"
        )
    if stack.settings.park_mode != way.mode:
        raise BadConfiguration(
            f"{file} has parkMode `{stack.settings.park_mode}`; accepted: `{way.mode}`, reviewed and merged first "
            "(docs/runbooks/parking.md)"
        )


def _tell(way: Way, stack: Stack) -> None:
    """Say what the update does, how long that takes, and what the platform costs."""
    say(f"\n{way.title}, in this order; how long each takes is an estimate:")
    steps = [step for step in way.steps if step.only in ("", stack.settings.database_when_parked)]
    for number, step in enumerate(steps, 1):
        say(f"  {number}. {step.text} ({step.takes})")
    say("")
    output().print(costs.table(stack.settings))
    for note in costs.notes(stack.settings):
        say(note)
    say("")
