"""`bootstrap`: create the backend for a stack's state, and what has to exist before the first `up`."""

from __future__ import annotations

import argparse
from typing import Final

from operations.command_line import Command, add_stack_and_timeout, load_stack, show


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bucket",
        default="",
        metavar="NAME",
        help="the bucket's name, if the stack's file has no stateBucket (default: built from project, stack and "
        "account)",
    )
    parser.add_argument(
        "--secrets", action="store_true", help="also create the secrets that are made by hand, without a value"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
    add_stack_and_timeout(parser)


def _run(options: argparse.Namespace) -> int:
    from operations import bootstrap, verdicts
    from operations.aws import Aws

    stack = load_stack(options)
    aws = Aws(stack.settings.region, options.timeout)
    folder = options.project.resolve()
    with verdicts.progress("setting up the state"):
        found = bootstrap.run(folder, stack, aws, options.bucket, secrets=options.secrets, dry_run=options.dry_run)
    code = show(f"State of {options.stack}{' (dry run)' if options.dry_run else ''}", found, as_json=False)
    if not code and not options.dry_run:
        verdicts.say(
            f"Commit Pulumi.{options.stack}.yaml, and agree to the bucket and the key in the gate's inventory:\n"
            f"  .venv/bin/python -m policies.inventory.agreement write --stack {options.stack}"
        )
    return code


COMMAND: Final = Command(
    "bootstrap",
    "create the bucket and the key for the state, and the stack in it",
    "Create or complete the bucket that stores the state, the KMS key that encrypts it, and the stack in it with its "
    "header secret, and write stateBucket and stateKeyArn into the stack's file. What exists stays. After a failure, "
    "run it again with the same options: it continues where it stopped.",
    _add_arguments,
    _run,
)
