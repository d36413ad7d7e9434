"""`rotate-kinde`: rotate the Kinde client secret that the load balancer uses."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from operations import prompts
from operations.command_line import (
    EXIT_CODES,
    Command,
    add_connections,
    add_stack_and_timeout,
    load_stack,
    load_web,
)
from operations.commands import sign_in

if TYPE_CHECKING:
    from operations.stack import Stack
    from operations.web import Web


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--applied", action="store_true", help="the change has been applied: check signing in")
    parser.add_argument("--signed-in", action="store_true", help="you have signed in at both hosts, and it worked")
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--roll-back", action="store_true", help="go back to the client secret before this rotation")
    direction.add_argument(
        "--replace", action="store_true", help="replace this rotation's new client secret by yet another one"
    )
    add_stack_and_timeout(parser)
    add_connections(parser)
    sign_in.add_arguments(parser)


def _run(options: argparse.Namespace) -> int:
    from operations import kinde_rotation
    from operations.aws import Aws

    stack, web = load_stack(options), load_web(options)
    person = kinde_rotation.Person(
        new_secret=lambda: prompts.ask_hidden("New client secret, as Kinde shows it"),
        applied=lambda: options.applied or prompts.confirm("Has it been applied?"),
        works=lambda: _sign_in_works(options, stack, web),
    )
    done = kinde_rotation.run(
        stack,
        Aws(stack.settings.region, options.timeout),
        web,
        person,
        roll_back=options.roll_back,
        replace=options.replace,
    )
    return 0 if done else 1


def _sign_in_works(options: argparse.Namespace, stack: Stack, web: Web) -> bool:
    """Check both hosts, then let a test user or a person complete a sign-in."""
    from operations import browser, verdicts

    user = sign_in.find_test_user()
    found = sign_in.verdicts(options, stack, web, user)
    verdicts.show("Signing in", found, as_json=False)
    if not verdicts.all_passed(found):
        return False
    if user:
        return browser.signed_in_everywhere(stack, found)
    hosts = " and ".join(f"https://{host}" for host in stack.hosts.values())
    if options.signed_in or prompts.confirm(f"Sign in at {hosts} in a private window. Did both work?"):
        return True
    verdicts.say(
        "Only a complete sign-in shows whether the client secret is right: "
        f"set {sign_in.EMAIL} and {sign_in.PASSWORD}, or sign in yourself at {hosts} and add --signed-in."
    )
    return False


COMMAND: Final = Command(
    "rotate-kinde",
    "rotate the Kinde client secret that the load balancer uses",
    "Guide you through a rotation of Kinde's client secret: it reads the new one without echo (or from a line of "
    "standard input), checks it with Kinde and stores it beside the previous one; you apply the change; then a sign-in "
    "proves that it works. Run it again at any time: it continues where the rotation stopped.",
    _add_arguments,
    _run,
    f"{EXIT_CODES} Either a test user ({sign_in.EMAIL}, {sign_in.PASSWORD}) or you prove that signing in works.",
)
