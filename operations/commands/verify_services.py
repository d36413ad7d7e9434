"""`verify-services`: check that the services that this program creates match the stack's file."""

from __future__ import annotations

import argparse
from typing import Final

from operations.command_line import Command, add_json, add_stack_and_timeout, load_stack, show


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    add_stack_and_timeout(parser)


def _run(options: argparse.Namespace) -> int:
    from operations import verdicts, verify_services
    from operations.aws import Aws

    stack = load_stack(options)
    with verdicts.progress("checking the services, their revisions and their tasks"):
        found = verify_services.run(stack, Aws(stack.settings.region, options.timeout))
    return show(f"Services of {options.stack}", found, as_json=options.json)


COMMAND: Final = Command(
    "verify-services",
    "check that the services match the stack's file",
    "Compare each service that this program creates (`workloads: here`) with the stack's file: how its newest "
    "deployment ended, the image, command, variables and secrets of its revision, and the image and health of its "
    "tasks. When a deployment fails, ECS rolls back to the previous revision, and the update can still succeed; this "
    "check fails then. Changes nothing.",
    _add_arguments,
    _run,
)
