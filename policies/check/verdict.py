"""Judges files by the rules of the least-privilege pack."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from policies.check.source import Line, Subject
from policies.check.unknowns import RULE as UNKNOWN_DOCUMENT
from policies.check.unknowns import known_part
from policies.least_privilege import RULES
from policies.rulebook import Judgement, Rule, Scope, Stack
from policies.rulebook.configuration import Configured
from policies.rulebook.judging import Judge
from policies.rulebook.violation import Violation, fold

CONVENTIONS: Final = frozenset(("role-without-boundary", "foreign-boundary", "secret-readers", "parameter-readers"))
"""The rules that check a project's own conventions. They are off unless a configuration names them."""

_REMEDIES: Final = {
    UNKNOWN_DOCUMENT: "Write the values into the file, give its parameters defaults, or set names in the plan, so that "
    "the document is known; `--allow-unknown` judges only known values."
}
"""Remedies for files, where the rule's own remedy is about a program."""


class Found(NamedTuple):
    """One finding, worded for files. `resource` is empty for a file that is one document."""

    at: Line
    violation: Violation
    resource: str
    message: str
    remedy: str

    @property
    def rule(self) -> Rule:
        """The rule that found it."""
        return self.violation.rule


class Verdict:
    """Judges files under one configuration: rule id -> level and properties."""

    def __init__(self, config: Mapping[str, Configured], account: str = "", *, allow_unknown: bool = False) -> None:
        settings = {"aws:allowedAccountIds": json.dumps([account])} if account else {}
        self._about = Judgement("check", "check", {}, preview=True, settings=settings)
        self._allow_unknown = allow_unknown
        off = CONVENTIONS - config.keys() | ({UNKNOWN_DOCUMENT} if allow_unknown else set())
        chosen = [(rule, config.get(rule.id, Configured())) for rule in RULES if rule.id not in off]
        self._judges = [
            Judge(rule, said.properties, advisory=said.level == "advisory")
            for rule, said in chosen
            if said.level != "disabled"
        ]
        self._whole = [judge for judge in self._judges if judge.rule.scope is Scope.STACK]
        self._single: dict[str, list[Judge]] = {}
        for judge in self._judges:
            for type_ in judge.rule.types if judge.rule.scope is Scope.RESOURCE else ():
                self._single.setdefault(type_, []).append(judge)

    def configuration(self, file: str) -> Iterator[Found]:
        """Yield what is wrong with the waivers of the configuration."""
        for judge in self._judges:
            for violation in judge.configuration():
                yield _found(violation, Line(file), "")

    def findings(self, subjects: Sequence[Subject], *, stack: bool) -> list[Found]:
        """Return the findings of one file, each once, sorted by line. `stack` is whether its resources are a stack."""
        found = {(one.at, one.rule.id, one.resource, one.message): one for one in self._findings(subjects, stack)}
        return sorted(found.values(), key=lambda one: one.at.line)

    def _findings(self, subjects: Sequence[Subject], stack: bool) -> Iterator[Found]:
        known = [part for subject in subjects if (part := known_part(subject))]
        if known != list(subjects) and not self._allow_unknown:
            # Judged with the unknown values first; the known part is judged as well, so an unknown value hides no
            # fault.
            yield from self._judged(subjects, stack)
        yield from self._judged(known, stack)

    def _judged(self, subjects: Sequence[Subject], stack: bool) -> Iterator[Found]:
        by_urn = {subject.resource.urn: subject for subject in subjects}
        for subject in subjects:
            judges = self._single.get(subject.resource.type, ())
            speaking = [judge for judge in judges if judge.rule.id not in subject.silent]
            said = [violation for judge in speaking for violation in judge.violations(subject.resource, self._about)]
            for violation in fold(said):
                yield _located(violation, subject)
        if stack and subjects:
            resources = Stack([subject.resource for subject in subjects])
            said = [violation for judge in self._whole for violation in judge.violations(resources, self._about)]
            for violation in fold(said):
                yield _located(violation, by_urn.get(violation.finding.urn, subjects[0]))


def _located(violation: Violation, subject: Subject) -> Found:
    message = violation.message
    named = re.match(r"`([^`]+)`:? ", message)
    property_ = named[1] if named else ""
    found = _found(violation, subject.line(property_, message), subject.label)
    if not subject.label and message.startswith(f"`{property_}`: "):
        message = message.removeprefix(f"`{property_}`: ")
    if violation.rule.id == UNKNOWN_DOCUMENT:
        message = f"`{property_}` isn't fully known{': ' * bool(subject.unknown)}{'; '.join(subject.unknown)}."
    return found._replace(message=message)


def _found(violation: Violation, at: Line, label: str) -> Found:
    return Found(at, violation, label, violation.message, _REMEDIES.get(violation.rule.id, violation.remedy))
