"""`python -m operations COMMAND`: the table of commands, and the handling of their errors."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from operations.command_line import EXIT_CODES
from operations.commands import (
    adopt,
    bootstrap,
    deploy,
    examples,
    fill_secrets,
    init,
    orphans,
    park,
    preflight,
    rotate_kinde,
    verify_login,
    verify_services,
    waivers,
)
from stackfiles.failures import Failure
from stackfiles.project import default_stack

COMMANDS: Final = (
    init.COMMAND,
    examples.COMMAND,
    bootstrap.COMMAND,
    preflight.COMMAND,
    deploy.COMMAND,
    fill_secrets.COMMAND,
    rotate_kinde.COMMAND,
    verify_login.COMMAND,
    verify_services.COMMAND,
    park.PARK,
    park.UNPARK,
    waivers.COMMAND,
    orphans.COMMAND,
    adopt.COMMAND,
)
"""In the order in which `--help` lists them."""

_INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser(*given[:1]).parse_args(given)
    if "stack" in options and options.stack is None:
        options.stack = default_stack(options.project)
    # The debug logs of botocore, httpcore and Selenium contain the values that are sent.
    logging.disable(logging.DEBUG)
    try:
        code: int = options.run(options)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print("interrupted; run the command again to continue", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        # The text of an unexpected error may contain a secret value, so only its type and place are printed.
        place = traceback.extract_tb(error.__traceback__)[-1]
        print(f"error: unexpected {type(error).__name__} at {place.filename}:{place.lineno}", file=sys.stderr)
        return 1
    return code


def parser(named: str = "") -> argparse.ArgumentParser:
    """Return the parser of the whole command line. The options that it parses include the command's `run`.

    If `named` is a command, the other commands get no options, which saves building them.
    """
    whole = argparse.ArgumentParser(
        prog="python -m operations",
        description="Commands to run before, around and after a deploy. AWS credentials come from the shell, as with "
        "the AWS CLI.",
        epilog=EXIT_CODES,
    )
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    names = {command.name for command in COMMANDS}
    for command in COMMANDS:
        own = commands.add_parser(
            command.name, help=command.help, description=command.description, epilog=command.epilog
        )
        if command.name == named or named not in names:
            command.add_arguments(own)
        own.set_defaults(run=command.run)
    return whole


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
