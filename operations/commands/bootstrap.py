"""`bootstrap`: make the place where a stack's state is kept, and what has to be there before a first `up`."""

from __future__ import annotations

import argparse
from typing import Final

from operations.command_line import Command, add_stack_and_timeout, load_stack, show


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bucket",
        default="",
        metavar="NAME",
        help="the bucket's name, where the stack's file has no stateBucket (default: of project, stack and account)",
    )
    parser.add_argument(
        "--secrets", action="store_true", help="also make the secrets that are made by hand, without a value"
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
            f"Commit Pulumi.{options.stack}.yaml, and have the gate agree to bucket and key:\n"
            f"  .venv/bin/python -m policies.inventory.agreement write --stack {options.stack}"
        )
    return code


COMMAND: Final = Command(
    "bootstrap",
    "make the bucket, the key and the stack in which the state is kept",
    "Make or complete the bucket that keeps the state and the KMS key that encrypts it, then the stack in it with its "
    "header secret, and write stateBucket and stateKeyArn into the stack's file. What is there already stays. After a "
    "failure, run it again with the same options: it goes on.",
    _add_arguments,
    _run,
)
