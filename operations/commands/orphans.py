"""`orphans`: list the secrets and parameters of an environment that aren't in the catalogue."""

from __future__ import annotations

import argparse
from typing import Final

from operations.command_line import Command, add_stack_and_timeout, load_stack


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_stack_and_timeout(parser)


def _run(options: argparse.Namespace) -> int:
    from operations import orphans
    from operations.aws import Aws

    stack = load_stack(options)
    lines = list(orphans.find(stack, Aws(stack.settings.region, options.timeout)))
    print("\n".join(lines) or f"no secret or parameter of {options.stack} is outside the catalogue")
    return int(bool(lines))


COMMAND: Final = Command(
    "orphans",
    "list secrets and parameters that aren't in the catalogue",
    "List the names, never the values, of secrets and parameters under the environment's prefix that aren't in the "
    "catalogue (needs secretsmanager:ListSecrets and ssm:DescribeParameters).",
    _add_arguments,
    _run,
    "Exit codes: 0 there is none; 1 there are some, or AWS failed; 2 bad usage, configuration or AWS credentials.",
)
