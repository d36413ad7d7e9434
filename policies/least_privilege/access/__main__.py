"""Report the access of a plan, or what a change adds to it.

    python -m policies.least_privilege.access report PLAN.json [--json]
    python -m policies.least_privilege.access diff BASE.json HEAD.json [--json]

A plan is what `python -m rehearsal --stack STACK --json FILE` writes. Exit codes of `diff`: 0 no new access, 1 new
access or something that can't be decided, 2 bad input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from policies.least_privilege.access.report import NotAPlan, accesses, as_json, difference
from policies.least_privilege.access.sentences import sentences
from policies.least_privilege.access.tables import page
from policies.least_privilege.language.documents import Json


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m policies.least_privilege.access", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="who can do what to what")
    report.add_argument("plan", type=Path)
    diff = commands.add_parser("diff", help="what a change adds")
    diff.add_argument("base", type=Path)
    diff.add_argument("head", type=Path)
    for command in (report, diff):
        command.add_argument("--json", action="store_true", help="JSON instead of text")
    given = parser.parse_args(arguments)
    try:
        if given.command == "report":
            plan = _read(given.plan)
            print(json.dumps(as_json(accesses(plan)), indent=2) + "\n" if given.json else page(plan), end="")
            return 0
        found = difference(_read(given.base), _read(given.head))
    except NotAPlan as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(as_json(found), indent=2))
    else:
        print("\n".join(f"- {sentence}" for sentence in sentences(found)) or "No new access.")
    return int(bool(found))


def _read(path: Path) -> Json:
    """Read a plan.

    Raises:
        NotAPlan: it can't be read or isn't JSON.
    """
    try:
        plan: Json = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotAPlan(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise NotAPlan(f"{path} isn't JSON") from None
    return plan


if __name__ == "__main__":
    sys.exit(main())
