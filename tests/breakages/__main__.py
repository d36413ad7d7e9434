"""`python -m tests.breakages`: judges every breakage.

`--judge-with FOLDER` lists the breakages that the packs of another copy of the project let pass. It prints a JSON
object: id of the row -> the rules that should stop it and don't. `--only-additions` leaves out the rows that change a
file, each of which takes a plan of its own. The packs are configured for the suite's own stacks.

`--record` writes what this copy's packs say about rows that have no record yet or share no program, and then which
rows can be planned together: tests/breakages/together.py. It takes two or three minutes. `--anew` does so for every
row, which takes a little longer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from tests import session
from tests.breakages import ADDITIONS, BREAKAGES, together
from tests.owner import FILES, HERE, give_files, link_packs


def main() -> int:
    """Break copies of this project, judge them, and print what passes."""
    parser = argparse.ArgumentParser(prog="python -m tests.breakages", description=__doc__.partition("\n\n")[2])
    does = parser.add_mutually_exclusive_group(required=True)
    does.add_argument("--judge-with", type=Path, metavar="FOLDER", help="the project with the packs")
    does.add_argument("--record", action="store_true", help="write what is said to new rows, and which go together")
    does.add_argument("--anew", action="store_true", help="the same for all rows")
    parser.add_argument("--only-additions", action="store_true", help="only what fits into one program")
    given = parser.parse_args()
    if given.record or given.anew:
        with tempfile.TemporaryDirectory() as session_folder:
            os.environ.setdefault(session.FOLDER, session_folder)
            return _record(anew=given.anew)
    with tempfile.TemporaryDirectory() as folder:
        judges = _gate(Path(folder).resolve() / "judges", given.judge_with.resolve())
        said = _stopped_additions(judges)
        if given.only_additions:
            # A row with a record of its own isn't stopped by what is said about its additions.
            recorded = together.document().keys()
            rows = [row for added in ADDITIONS.values() for row in added if row["id"] not in recorded]
            missing = {row["id"]: sorted(set(row["expect"]) - said[row["id"]]) for row in rows}
        else:
            alone = [row for row in BREAKAGES if not set(row["expect"]) <= said.get(row["id"], set())]
            missing = {row["id"]: sorted(set(row["expect"]) - together.planned([row], judges).rules) for row in alone}
    print(json.dumps({id_: rules for id_, rules in missing.items() if rules}, indent=2))
    return 0


def _stopped_additions(judges: Path | None = None) -> dict[str, set[str]]:
    """Return row -> the rules that stop what it adds, for the rows of all stacks."""
    return {id_: rules for stack in ADDITIONS for id_, rules in together.stopped_additions(stack, judges).items()}


def _record(*, anew: bool) -> int:
    stopped = _stopped_additions()
    rows = {row["id"]: row for row in BREAKAGES if not set(row["expect"]) <= stopped.get(row["id"], set())}
    fitting = {row["id"] for program in together.programs() for row in program}
    document = {
        id_: words
        for id_, words in together.document().items()
        if id_ in rows and not anew and (id_ in fitting or words is None)
    }
    new = [row for id_, row in rows.items() if id_ not in document]
    for number, row in enumerate(new, 1):
        print(f"{number} of {len(new)}: {row['id']}", file=sys.stderr)
        plan = together.planned([row])
        words = sorted(together.said(plan.violations))
        whole = plan.exit_code == 1 and plan.complete and len(words) <= together.MOST
        document[row["id"]] = words if whole else None
    _write(together.STOPPED, {id_: document[id_] for id_ in rows})
    together.recorded.cache_clear()
    together.programs.cache_clear()
    _write(together.PROGRAMS, together.found())
    return 0


def _write(file: Path, document: object) -> None:
    file.write_text(json.dumps(document, indent=1) + "\n")


def _gate(folder: Path, repository: Path) -> Path:
    """Return a folder with the packs of a repository, configured for the suite's own stacks."""
    folder.mkdir()
    for files in (FILES, HERE):
        give_files(folder, files)
    link_packs(folder, repository)
    return folder


if __name__ == "__main__":
    sys.exit(main())
