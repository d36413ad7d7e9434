"""`verify-login`: check that signing in works at both hosts."""

from __future__ import annotations

import argparse
from typing import Final

from operations.command_line import (
    Command,
    add_connections,
    add_json,
    add_stack_and_timeout,
    load_stack,
    load_web,
    show,
)
from operations.commands import sign_in


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sign-in",
        action="store_true",
        help=f"sign in as a test user in Chromium ({sign_in.EMAIL}, {sign_in.PASSWORD}, or asked for)",
    )
    add_json(parser)
    add_stack_and_timeout(parser)
    add_connections(parser)
    sign_in.add_arguments(parser)


def _run(options: argparse.Namespace) -> int:
    stack, web = load_stack(options), load_web(options)
    user = sign_in.require_test_user() if options.sign_in else None
    found = sign_in.verdicts(options, stack, web, user)
    return show(f"Signing in at {options.stack}", found, as_json=options.json)


COMMAND: Final = Command(
    "verify-login",
    "check that signing in works at both hosts",
    "Follow both hosts to Kinde's sign-in page as a visitor: certificate, redirect, callback, client id, scope, "
    "cookies, no loop; and check that CloudFront and Cloudflare can't be bypassed. Explains known symptoms.",
    _add_arguments,
    _run,
)
