"""Breakages that are planned together: a plan costs the same for one as for ten.

`stopped.json` has what the gate says to each row alone: rule and resource of every violation, or null where the row
ends the program early or breaks half the stack. `python -m tests.breakages --record` writes it. Rows share a program
where no violation that one of them is there for is also said to another; so what is said to the program tells which
rows are stopped. A row of which that can't be told takes a plan of its own, and so does one that isn't recorded yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from stackfiles.plan_document import Violation, rules_named
from tests.breakages import ADDITIONS, BREAKAGES, NoPassage, broken
from tests.owner import owned

FILE: Final = Path(__file__).with_name("stopped.json")
MOST: Final = 60
"""Violations of a row beyond which it takes a plan of its own."""
SIZE: Final = 6
"""Rows of a program: the more there are, the likelier one hides another."""

Row = Mapping[str, Any]


def said(violations: Sequence[Violation]) -> set[str]:
    """Return what the gate says, as `pack/rule name-of-the-resource`."""
    mandatory = [violation for violation in violations if violation["level"] == "mandatory"]
    return {f"{rule} {item['urn'].rpartition('::')[2]}" for item in mandatory for rule in rules_named(item)}


def rule(word: str) -> str:
    """Return the rule of what the gate says."""
    return word.partition(" ")[0]


@cache
def recorded() -> dict[str, set[str]]:
    """Return what the gate says to each row alone, of the rows that can be planned with others."""
    document: dict[str, list[str] | None] = json.loads(FILE.read_text())
    return {id_: set(words) for id_, words in document.items() if words}


@cache
def programs() -> tuple[tuple[str, ...], ...]:
    """Return the rows that are planned together, by id."""
    made: list[list[Row]] = []
    texts: list[dict[str, str]] = []
    added = {row["id"] for row in ADDITIONS}
    for row in BREAKAGES:
        if row["id"] not in recorded() or row["id"] in added:
            continue
        for number, rows in enumerate(made):
            if len(rows) < SIZE and rows[0].get("stack") == row.get("stack") and all(_apart(row, one) for one in rows):
                try:
                    texts[number] = broken(owned(), row, texts[number])
                except NoPassage:
                    continue
                rows.append(row)
                break
        else:
            made.append([row])
            texts.append(broken(owned(), row, {}))
    return tuple(tuple(row["id"] for row in rows) for rows in made if len(rows) > 1)


def _apart(one: Row, other: Row) -> bool:
    """Tell whether no violation that one of two rows is there for is said to the other as well."""
    return all(
        not {word for word in recorded()[mine["id"]] if rule(word) in mine["expect"]} & recorded()[others["id"]]
        for mine, others in ((one, other), (other, one))
    )
