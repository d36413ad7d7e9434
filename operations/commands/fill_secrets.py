"""`fill-secrets`: store the first values of the secrets that the program creates."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from typing import Final

from components.catalogue import Maker, secrets_made_by
from operations.command_line import Command, add_stack_and_timeout, load_stack, show
from operations.database_options import DATABASE_OPTIONS


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database-endpoint",
        default="",
        metavar="HOST[:PORT]",
        help="Aurora's cluster endpoint (default: that of the database that the stack creates; otherwise asked for if "
        "needed)",
    )
    for option in DATABASE_OPTIONS:
        parser.add_argument(
            option.flag,
            dest=option.flag,
            metavar=option.metavar,
            help=f"{option.title} (default: {option.default}"
            + (", or databaseAdministrator if the stack creates the database)" if option.administrator else ")"),
        )
    paths = [secret.path for secret in secrets_made_by(Maker.PROGRAM)]
    parser.add_argument(
        "--rotate",
        action="append",
        default=[],
        choices=paths,
        metavar="PATH",
        help=f"also replace this secret's value, and the URLs composed of it; repeatable: {', '.join(paths)}",
    )
    parser.add_argument(
        "--rotation",
        default=dt.datetime.now(dt.UTC).date().isoformat(),
        metavar="NAME",
        help="name of the rotation: the same name continues it, another one starts a new one (default: today, UTC)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    add_stack_and_timeout(parser)


def _run(options: argparse.Namespace) -> int:
    from operations import fill_secrets, verdicts
    from operations.aws import Aws

    stack = load_stack(options)
    aws = Aws(stack.settings.region, options.timeout)
    rotated = set(options.rotate)
    endpoint = options.database_endpoint or fill_secrets.find_endpoint(stack, aws)
    if (
        not endpoint
        and not stack.settings.here
        and sys.stdin.isatty()
        and fill_secrets.needs_endpoint(stack, aws, rotated)
    ):
        endpoint = input("Database endpoint (HOST or HOST:PORT): ").strip()
    given = {one.flag: one.value(getattr(options, one.flag), stack.settings) for one in DATABASE_OPTIONS}
    databases = fill_secrets.Databases(endpoint, given)
    if rotated and not options.dry_run:
        print(
            f"If this is interrupted, continue with the same options and --rotation {options.rotation}", file=sys.stderr
        )
    with verdicts.progress("filling secrets"):
        found = fill_secrets.run(stack, aws, databases, rotated, options.rotation, dry_run=options.dry_run)
    return show(f"Secrets of {options.stack}{' (dry run)' if options.dry_run else ''}", found, as_json=False)


COMMAND: Final = Command(
    "fill-secrets",
    "store the first values of the secrets that the program creates",
    "Generate or compose a value for every secret that the program creates, and store it directly in Secrets Manager. "
    "A secret that has a value keeps it. After a failure, run it again with the same options: it continues.",
    _add_arguments,
    _run,
)
