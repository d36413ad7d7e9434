"""`verify-services`: check that the services that are made here run what the stack's file means."""

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
    with verdicts.progress("looking at the services, their revisions and their tasks"):
        found = verify_services.run(stack, Aws(stack.settings.region, options.timeout))
    return show(f"Services of {options.stack}", found, as_json=options.json)


COMMAND: Final = Command(
    "verify-services",
    "check that the services run what the stack's file means",
    "Compare each service that is made here (`workloads: here`) with the stack's file: how its newest deployment "
    "ended, the image, command, variables and secrets of the revision that it has, and the image and health of its "
    "tasks. ECS goes back to what ran before when a deployment fails. An update may succeed all the same; this "
    "doesn't. Changes nothing.",
    _add_arguments,
    _run,
)
