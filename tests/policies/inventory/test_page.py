"""The page on the closed world is correct: how many types are refused, and which rules report early."""

from __future__ import annotations

import json
from collections import Counter
from importlib import import_module

from policies.inventory.agreement.sdk_types import sdk_types, verdict
from policies.rulebook import Rule, Scope
from stackfiles.project import packs
from tests.forks import PROJECT
from tests.owner import FILES

ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (PROJECT / "docs" / "closed-world.md").read_text().splitlines()
    if line.startswith("| ")
]


def test_the_page_counts_the_types_correctly() -> None:
    file = FILES / "policies" / "config" / "inventory.prod.json"
    agreed = json.loads(file.read_text())["unjudged-type"]["types"]
    counts = Counter((type_.partition(":")[0], verdict(type_, agreed).partition(":")[0]) for type_ in sdk_types())
    told = {(row[0], row[1]): int(row[2]) for row in ROWS if row[0] in ("aws", "cloudflare")}
    assert told == dict(counts)


def test_the_page_lists_every_stack_rule_and_the_rules_that_report_early() -> None:
    rules: dict[str, Rule] = {
        rule.id: rule for folder in packs(PROJECT) for rule in import_module(f"policies.{folder.name}").RULES
    }
    told = {row[0].strip("`"): row for row in ROWS if row[0].startswith("`")}
    assert told.keys() == {id_ for id_, rule in rules.items() if rule.scope is Scope.STACK}
    for id_, (_, decides, speaks) in told.items():
        assert ("itself, early" in speaks) == bool(rules[id_].early), id_
        assert bool(speaks) == (decides == "yes"), id_
        assert set(speaks.split("`")[1::2]) <= rules.keys(), id_
