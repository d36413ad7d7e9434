"""Breakages that are planned together, since a plan costs the same for one as for ten.

What rows only add to a stack is planned in one program; the source lines of the violations tell which row each belongs
to. For all rows where that can't be told, `stopped.json` has what the gate says about each row alone: rule and resource
of every violation, or null if the row ends the program early or breaks half the stack. `programs.json` has the rows
that share a program, found by planning them. `python -m tests.breakages --record` writes both; a test says when that is
needed.
Rows share a program if the violations that one of them must cause aren't also caused by another; so the violations of
the program tell which rows are stopped. Other rows, and those without a record, take a plan of their own.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from stackfiles.plan_document import Violation, rules_named
from tests.breakages import ADDITIONS, BREAKAGES, NoPassage, break_project, broken, with_additions
from tests.owner import owned_with
from tests.planning import Plan, copy_project, plan_options, rehearsal_command, written

STOPPED: Final = Path(__file__).with_name("stopped.json")
PROGRAMS: Final = Path(__file__).with_name("programs.json")
MOST: Final = 60
"""A row with more violations than this takes a plan of its own."""
SIZE: Final = 60
"""Most rows in a program: the more there are, the likelier one hides another."""

Row = Mapping[str, Any]


def planned(rows: Sequence[Row], judges: Path | None = None) -> Plan:
    """Return the plan of a program in which these rows are broken, judged by its own packs or those in a folder."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder), rows[0]["stack"])
        for row in rows:
            break_project(project, row)
        return _plan(project, rows[0]["stack"], judges)


def stopped_additions(stack: str, judges: Path | None = None) -> dict[str, set[str]]:
    """Return row -> the rules that stop what it adds, with the additions of all rows for a stack in one program."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder), stack)
        places = with_additions(project, stack)
        plan = _plan(project, stack, judges)
    assert plan.steps, plan.printed
    stopped: dict[str, set[str]] = {row["id"]: set() for row in ADDITIONS[stack]}
    for violation in plan.violations:
        if violation["level"] == "mandatory" and (row := places.get(violation["sourcePosition"].partition("#")[0])):
            stopped[row].update(rules_named(violation))
    return stopped


def _plan(project: Path, stack: str, judges: Path | None) -> Plan:
    judged = ("--judge-with", str(judges)) if judges else ()
    output = project.parent / "plan.json"
    options = (*plan_options(stack, project, output), *judged)
    return written(rehearsal_command(*options, packs=(judges or owned_with(stack)) / "policies"), output)


def said(violations: Sequence[Violation]) -> set[str]:
    """Return what the gate says, as `pack/rule name-of-the-resource`."""
    mandatory = [violation for violation in violations if violation["level"] == "mandatory"]
    return {f"{rule} {item['urn'].rpartition('::')[2]}" for item in mandatory for rule in rules_named(item)}


def shows(row: Row, said_to_program: set[str]) -> bool:
    """Tell whether the violations of a program show that one of its rows is stopped by its rules."""
    return set(row["expect"]) <= {_rule(word) for word in said_to_program & recorded()[row["id"]]}


def _rule(word: str) -> str:
    return word.partition(" ")[0]


@cache
def recorded() -> dict[str, set[str]]:
    """Return what the gate says about each row alone, for the rows that can be planned with others."""
    return {id_: set(words) for id_, words in document().items() if words}


def document() -> dict[str, list[str] | None]:
    """Return the record of each row."""
    read: dict[str, list[str] | None] = json.loads(STOPPED.read_text())
    return read


@cache
def programs() -> tuple[tuple[Row, ...], ...]:
    """Return the recorded rows that share a program, without those that no longer fit."""
    rows = {row["id"]: row for row in BREAKAGES if row["id"] in recorded()}
    fitting = [_fitting(rows[id_] for id_ in group if id_ in rows) for group in recorded_programs()]
    return tuple(tuple(group) for group in fitting if group)


def recorded_programs() -> list[list[str]]:
    """Return the ids of rows that share a program, as recorded, whether they still fit or not."""
    groups: list[list[str]] = json.loads(PROGRAMS.read_text())
    return groups


def found() -> list[list[str]]:
    """Return the ids of rows that can share a program, found by planning them.

    The first row for each rule that no addition breaks comes before all others, so that few programs cover every rule.
    """
    left: list[Row] = [row for row in BREAKAGES if row["id"] in recorded()]
    left.sort(key=lambda row: row["id"] not in firsts())
    groups: list[list[str]] = []
    while queue := list(_packed(left)):
        left = []
        while queue:
            group = queue.pop()
            words = said(planned(group).violations)
            shown = [row["id"] for row in group if shows(row, words)]
            if len(shown) > 1:
                # Rows that are hidden here are planned with those that are hidden elsewhere.
                groups.append(shown)
                left += [row for row in group if row["id"] not in shown]
            elif len(group) > 2:
                queue += [group[: len(group) // 2], group[len(group) // 2 :]]
    return _joined(groups)


def _joined(groups: Sequence[list[str]]) -> list[list[str]]:
    """Join programs (lists of row ids) as far as each row is still seen to be stopped."""
    rows = {row["id"]: row for row in BREAKAGES}
    joined: list[list[str]] = []
    for group in sorted(groups, key=len):
        for number, other in enumerate(joined):
            both = [rows[id_] for id_ in (*other, *group)]
            if len(_fitting(both)) == len(both):
                words = said(planned(both).violations)
                if all(shows(row, words) for row in both):
                    joined[number] = [*other, *group]
                    break
        else:
            joined.append(group)
    return joined


def firsts() -> set[str]:
    """Return the ids of the rows that come first for a rule that no addition breaks."""
    tried = {rule for rows in ADDITIONS.values() for row in rows for rule in row["expect"]}
    found = set()
    for row in BREAKAGES:
        if not tried.issuperset(row["expect"]):
            found.add(row["id"])
        tried.update(row["expect"])
    return found


def _packed(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Return rows in programs of several; rows that fit with no other are left out."""
    while rows:
        group = _fitting(rows) or [rows[0]]
        rows = [row for row in rows if row not in group]
        if len(group) > 1:
            yield group


def _fitting(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that fit into one program."""
    group: list[Row] = []
    texts: dict[str, str] = {}
    for row in rows:
        if len(group) == SIZE or not all(_apart(row, one) for one in group):
            continue
        try:
            texts = broken(owned_with(row["stack"]), row, texts)
        except NoPassage:
            continue
        group.append(row)
    return group


def _apart(one: Row, other: Row) -> bool:
    """Tell whether two rows are for one stack, and neither causes a violation that the other must cause."""
    return one["stack"] == other["stack"] and all(
        not {word for word in recorded()[mine["id"]] if _rule(word) in mine["expect"]} & recorded()[others["id"]]
        for mine, others in ((one, other), (other, one))
    )
