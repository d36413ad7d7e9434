"""`waivers`: list the waivers that have expired or soon will. Needs neither engine nor account."""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operations.command_line import Command, add_stack
from stackfiles import project
from stackfiles.failures import BadConfiguration

_DAYS: Final = 30


@dataclass(frozen=True)
class Waiver:
    """A waiver in a pack's configuration, and its last day."""

    rule: str
    resource: str
    owner: str
    expires: dt.date


def waivers(folder: Path, stack: str) -> list[Waiver]:
    """Return the waivers of a stack, sorted by their last day.

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
    """Return a line for each waiver that ends within some days."""
    for waiver in waivers(folder, stack):
        left = (waiver.expires - today).days
        if left > days:
            continue
        when = f"expired {-left} days ago" if left < 0 else "ends today" if left == 0 else f"ends in {left} days"
        yield f"{waiver.expires}  {when}: {waiver.rule} for {waiver.resource} (owner {waiver.owner})"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=_DAYS, metavar="N", help=f"within how many days (default: {_DAYS})")
    add_stack(parser)


def _run(options: argparse.Namespace) -> int:
    folder = options.project.resolve()
    project.require_stack(folder, options.stack)
    lines = list(_ending(folder, options.stack, options.days, dt.datetime.now(dt.UTC).date()))
    print("\n".join(lines) or f"no waiver of {options.stack} ends within {options.days} days")
    return int(bool(lines))


COMMAND: Final = Command(
    "waivers",
    "list waivers that have expired or soon will",
    "List the stack's waivers that have expired or end soon, from policies/config. Needs neither engine nor account.",
    _add_arguments,
    _run,
    "Exit codes: 0 none ends soon; 1 at least one does; 2 bad usage or configuration.",
)
