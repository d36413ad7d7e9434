"""`preflight`: check that everything a deploy relies on exists."""

from __future__ import annotations

import argparse
from typing import Final

from operations.command_line import (
    EXIT_CODES,
    Command,
    add_connections,
    add_json,
    add_stack_and_timeout,
    load_stack,
    load_web,
    show,
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    add_stack_and_timeout(parser)
    add_connections(parser)


def _run(options: argparse.Namespace) -> int:
    from operations import engine_state, preflight, verdicts
    from operations.aws import Aws

    stack, web = load_stack(options), load_web(options)
    with verdicts.progress("checking the account, secrets, parameters, buckets, Kinde, certificates and names"):
        found = preflight.run(
            stack,
            Aws(stack.settings.region, options.timeout),
            web,
            lambda: engine_state.load(options.project, options.stack),
        )
    return show(f"Preflight of {options.stack}", found, as_json=options.json)


COMMAND: Final = Command(
    "preflight",
    "check that everything a deploy relies on exists",
    "Check the account and region, every secret and parameter of the catalogue (values are checked, never shown), "
    "the buckets' names, the images of workloads that the stack creates, the state (with the Pulumi CLI), Kinde's "
    "discovery document, the certificates, the Cloudflare zone and its rules (with CLOUDFLARE_API_TOKEN), the contexts "
    "of CircleCI (with CIRCLE_TOKEN), the hosts' addresses, and other ways to the applications that the stack didn't "
    "create. Changes nothing.",
    _add_arguments,
    _run,
    f"{EXIT_CODES} An open check isn't a problem: the first apply creates what is missing, or it can't be checked.",
)
