"""Violations: findings that no waiver covers, each with the other findings that follow from the same fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from policies.rulebook.rule import Finding, Rule, Severity, written


@dataclass(frozen=True)
class Violation:
    """A finding of a rule. `also` has the rule of each finding that is reported with it."""

    rule: Rule
    finding: Finding
    advisory: bool = False
    also: tuple[Rule, ...] = ()

    @cached_property
    def message(self) -> str:
        """What is wrong with which value."""
        return written(self.finding.message)

    @property
    def remedy(self) -> str:
        """How to fix it."""
        return written(self.finding.remedy) or self.rule.remedy

    @property
    def severity(self) -> Severity:
        """How bad it is, including the findings that follow from it."""
        return max((self.rule.severity, *(rule.severity for rule in self.also)), key=list(Severity).index)

    @property
    def also_found(self) -> str:
        """Which other rules the same fault breaks, with the number of their findings; empty if none.

        >>> rules = [Rule(id_, "", "", "", Severity.LOW, lambda *_: ()) for id_ in ("one", "two", "two", "three")]
        >>> Violation(rules[0], Finding("It is open."), also=tuple(rules[1:])).also_found
        'It also breaks `two` (2 findings), `three`.'
        """
        counts = Counter(rule.id for rule in self.also)
        named = [f"`{id_}`" + (f" ({number} findings)" if number > 1 else "") for id_, number in counts.items()]
        return f"It also breaks {', '.join(named)}." if named else ""

    @property
    def text(self) -> str:
        """The whole report: title, message, the other rules and the remedy, each on its own lines."""
        lines = (self.rule.title, self.message, self.also_found, f"To fix: {self.remedy}")
        return "\n".join(filter(None, lines))


def fold(violations: Iterable[Violation]) -> Iterator[Violation]:
    """Yield violations of one resource, or of a stack; one that follows from others is merged into the first of them.

    Nothing gets lost: a violation absorbs others only if it stops the plan. If it is waived, advisory or off, or if
    only some of the faults that a finding follows from are reported, the finding is reported by itself.
    """
    reported = list(violations)
    roots = {one.finding.fault: one for one in reported if one.finding.fault is not None and not one.advisory}
    taken_in: dict[Hashable, list[Rule]] = {}
    alone = []
    for violation in reported:
        root = _root(violation, roots)
        if root is violation:
            alone.append(violation)
        else:
            taken_in.setdefault(root.finding.fault, []).append(violation.rule)
    for violation in alone:
        also = taken_in.get(violation.finding.fault, ()) if violation.finding.fault is not None else ()
        yield replace(violation, also=tuple(also)) if also else violation


def _root(violation: Violation, roots: dict[Hashable, Violation]) -> Violation:
    """Return the violation that this one is merged into, or itself if there is none."""
    causes = violation.finding.follows_from()
    return _root(roots[causes[0]], roots) if causes and all(cause in roots for cause in causes) else violation
