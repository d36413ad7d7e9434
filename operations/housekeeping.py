"""`python -m operations.housekeeping waivers|orphans`: what nobody looks at until it hurts.

`waivers` reads the packs' configuration and needs neither engine nor account. `orphans` lists names in the account
(`secretsmanager:ListSecrets`, `ssm:DescribeParameters`) and never a value. Drift is another command's:
`python -m operations.deploy refresh --preview-only`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.catalogue import PARAMETERS, SECRETS
from stackfiles import project
from stackfiles.failures import BadConfiguration, Failure

_DAYS: Final = 30
_TIMEOUT: Final = 10.0
"""Seconds to wait for any answer of AWS."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        folder = given.project.resolve()
        project.require_stack(folder, given.stack)
        if given.command == "waivers":
            lines = list(_ending(folder, given.stack, given.days, dt.datetime.now(dt.UTC).date()))
            nothing = f"no waiver of {given.stack} ends within {given.days} days"
        else:
            lines = list(_orphans(folder, given.stack))
            nothing = f"no secret or parameter of {given.stack} is outside the catalogue"
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    print("\n".join(lines) if lines else nothing)
    return int(bool(lines))


@dataclass(frozen=True)
class Waiver:
    """A waiver in a pack's configuration, and its last day."""

    rule: str
    resource: str
    owner: str
    expires: dt.date


def waivers(folder: Path, stack: str) -> list[Waiver]:
    """Return the waivers of a stack, those that end first in front.

    Raises:
        BadConfiguration: a configuration isn't JSON, or a waiver has no date.
    """
    found = []
    for pack in project.packs(folder):
        file = project.policy_config(folder, pack, stack)
        if file is None:
            continue
        try:
            rules = json.loads(file.read_text(encoding="utf-8"))
            for rule, config in rules.items():
                for entry in config.get("waivers", []) if isinstance(config, dict) else []:
                    ends = dt.date.fromisoformat(entry["expires"])
                    found.append(Waiver(f"{pack.name}/{rule}", str(entry["resource"]), str(entry["owner"]), ends))
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise BadConfiguration(
                f"{file}: {type(error).__name__}: {error}; accepted: a JSON object from rule to its configuration, "
                "whose `waivers` have resource, reason, owner and expires (YYYY-MM-DD)"
            ) from None
    return sorted(found, key=lambda waiver: (waiver.expires, waiver.rule, waiver.resource))


def _ending(folder: Path, stack: str, days: int, today: dt.date) -> Iterator[str]:
    for waiver in waivers(folder, stack):
        left = (waiver.expires - today).days
        if left > days:
            continue
        when = f"expired {-left} days ago" if left < 0 else "ends today" if left == 0 else f"ends in {left} days"
        yield f"{waiver.expires}  {when}: {waiver.rule} for {waiver.resource} (owner {waiver.owner})"


def _orphans(folder: Path, stack_name: str) -> Iterator[str]:
    """Return a line for each secret and parameter under the environment's prefix that the catalogue doesn't have."""
    from operations import stack
    from operations.aws import Aws, calls

    read = stack.load(folder, stack_name)
    names = read.names
    aws = Aws(read.settings.region, _TIMEOUT)
    aws.require_account(read.settings.account)
    secrets = {secret.name(names) for secret in SECRETS}
    parameters = {parameter.name(names) for parameter in PARAMETERS}
    with calls("the secrets"):
        pages = aws.secrets().get_paginator("list_secrets")
        for page in pages.paginate(Filters=[{"Key": "name", "Values": [names.secret("")]}]):
            for secret in page["SecretList"]:
                # The filter goes by the beginning of any word.
                if secret["Name"].startswith(names.secret("")) and secret["Name"] not in secrets:
                    accessed = secret.get("LastAccessedDate")
                    yield f"secret {secret['Name']}, {f'last read on {accessed.date()}' if accessed else 'never read'}"
    with calls("the parameters"):
        described = aws.parameters().get_paginator("describe_parameters")
        path = names.parameter("").rstrip("/")
        for found in described.paginate(ParameterFilters=[{"Key": "Path", "Option": "Recursive", "Values": [path]}]):
            for parameter in found["Parameters"]:
                if parameter["Name"] not in parameters:
                    yield f"parameter {parameter['Name']}, last changed on {parameter['LastModifiedDate'].date()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.housekeeping",
        description="Find waivers that are about to expire, and secrets and parameters that nothing declares.",
        epilog="Exit codes: 0 nothing found; 1 something was, or AWS failed; 2 bad usage or configuration.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in {
        "waivers": "waivers of a stack that have expired or soon will",
        "orphans": "secrets and parameters under the environment's prefix that the catalogue doesn't have",
    }.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--stack", required=True, metavar="NAME", help="the stack, such as prod")
        command.add_argument("--project", type=Path, default=Path(), metavar="FOLDER", help="default: this folder")
        if name == "waivers":
            command.add_argument("--days", type=int, default=_DAYS, metavar="N", help=f"how soon (default: {_DAYS})")
    return parser


if __name__ == "__main__":
    sys.exit(main())
