"""Selects the rules to ask about a resource: of rules that share an analysis, those for which it found something."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Generic, TypeVar

from policies.rulebook.resource import Resource
from policies.rulebook.rule import FoundBy, Rule

Asking = TypeVar("Asking")


class Asked(Generic[Asking]):
    """Rules in their order, each with an object that comes with it: its judge, or its configuration."""

    def __init__(self, rules: Iterable[tuple[Rule, Asking]]) -> None:
        self._groups = [
            (found_by, {rule.id: asking for rule, asking in group})
            for found_by, group in groupby(rules, key=lambda one: one[0].found_by)
        ]

    def about(self, resource: Resource) -> list[Asking]:
        """Return the objects of the rules that may have something to say about a resource."""
        asked: list[Asking] = []
        for found_by, rules in self._groups:
            found = _found(found_by, resource, rules) if found_by else rules
            if found:
                asked += [rules[id_] for id_ in filter(found.__contains__, rules)]
        return asked


def _found(found_by: FoundBy, resource: Resource, rules: Collection[str]) -> Collection[str]:
    """Return the rules that have something to say. If the analysis fails, that is all, and each reports the failure."""
    try:
        return found_by(resource)
    except Exception:
        return rules
