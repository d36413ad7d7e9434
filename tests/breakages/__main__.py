"""`python -m tests.breakages`: every breakage, judged.

`--judge-with FOLDER` tells which breakages the packs of another copy of the project let pass. It prints a JSON object:
id of the row -> the rules that were to stop it and don't. `--only-additions` leaves out the rows that change a file,
each of which takes a plan of its own. The packs are configured for the suite's own stacks.

`--record` writes what the packs of this copy say to each row, in some minutes: tests/breakages/together.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from stackfiles.plan_document import rules_named
from tests import session
from tests.breakages import ADDITIONS, BREAKAGES, break_project, together, with_additions
from tests.owner import give_files, link_packs
from tests.planning import PROJECT, Plan, copy_project, rehearsal_command, rehearse, written


def main() -> int:
    """Break copies of this project, have them judged, and print what passes."""
    parser = argparse.ArgumentParser(prog="python -m tests.breakages", description=__doc__.partition("\n\n")[2])
    does = parser.add_mutually_exclusive_group(required=True)
    does.add_argument("--judge-with", type=Path, metavar="FOLDER", help="the project with the packs")
    does.add_argument("--record", action="store_true", help="write what is said to each row alone")
    parser.add_argument("--only-additions", action="store_true", help="only what fits into one program")
    given = parser.parse_args()
    if given.record:
        with tempfile.TemporaryDirectory() as session_folder:
            os.environ.setdefault(session.FOLDER, session_folder)
            return _record()
    with tempfile.TemporaryDirectory() as folder:
        judges = _gate(Path(folder).resolve() / "judges", given.judge_with.resolve())
        said = _said_of_additions(judges)
        if given.only_additions:
            known = _said_of_additions(_gate(Path(folder).resolve() / "own", PROJECT))
            missing = {row["id"]: sorted(set(row["expect"]) & known[row["id"]] - said[row["id"]]) for row in ADDITIONS}
        else:
            alone = [row for row in BREAKAGES if not set(row["expect"]) <= said.get(row["id"], set())]
            missing = {row["id"]: _missing(row, judges) for row in alone}
    print(json.dumps({id_: rules for id_, rules in missing.items() if rules}, indent=2))
    return 0


def _record() -> int:
    rows = [row for row in BREAKAGES if row not in ADDITIONS]
    document: dict[str, list[str] | None] = {}
    for number, row in enumerate(rows, 1):
        print(f"{number} of {len(rows)}: {row['id']}", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            project = copy_project(Path(folder))
            break_project(project, row)
            plan = rehearse(row.get("stack", "prod"), project, Path(folder) / "plan.json")
        words = sorted(together.said(plan.violations))
        whole = plan.exit_code == 1 and plan.complete and len(words) <= together.MOST
        document[row["id"]] = words if whole else None
    together.FILE.write_text(json.dumps(document, indent=1) + "\n")
    return 0


def _gate(folder: Path, repository: Path) -> Path:
    """Return a folder with the packs of a repository, configured for the suite's own stacks."""
    folder.mkdir()
    give_files(folder)
    link_packs(folder, repository)
    return folder


def _said_of_additions(judges: Path) -> dict[str, set[str]]:
    """Return row -> the rules that stop what it adds, all of them together in one program."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        places = with_additions(project)
        plan = _plan(project, "prod", judges)
    said: dict[str, set[str]] = {row["id"]: set() for row in ADDITIONS}
    for violation in plan.violations:
        if violation["level"] == "mandatory" and (row := places.get(violation["sourcePosition"].partition("#")[0])):
            said[row].update(rules_named(violation))
    return said


def _missing(row: dict[str, Any], judges: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        break_project(project, row)
        return sorted(set(row["expect"]) - _plan(project, row.get("stack", "prod"), judges).rules)


def _plan(project: Path, stack: str, judges: Path) -> Plan:
    output = project.parent / "plan.json"
    options = ("--project", str(project), "--stack", stack, "--judge-with", str(judges), "--json", str(output))
    return written(rehearsal_command(*options, packs=judges / "policies"), output)


if __name__ == "__main__":
    sys.exit(main())
