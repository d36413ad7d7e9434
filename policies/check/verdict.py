"""The rules of the least-privilege pack, and what they find in files."""

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
from policies.rulebook.rule import Finding

CONVENTIONS: Final = frozenset(("role-without-boundary", "foreign-boundary", "secret-readers", "parameter-readers"))
"""The rules that hold a project to what it agreed to. They are silent unless a configuration names them."""

_REMEDIES: Final = {
    UNKNOWN_DOCUMENT: "Write the values into the file, give its parameters defaults, or set names in the plan, so that "
    "the document is known; `--allow-unknown` judges only what is known."
}
"""The rule's own remedy is about a program, and not about a file."""


class Found(NamedTuple):
    """One finding. `resource` is empty for a file that is one document; `advisory` ones let the file pass."""

    at: Line
    rule: Rule
    resource: str
    message: str
    remedy: str
    advisory: bool


class Verdict:
    """Judges files under one configuration: rule id -> level and properties."""

    def __init__(self, config: Mapping[str, Configured], account: str = "", *, allow_unknown: bool = False) -> None:
        settings = {"aws:allowedAccountIds": json.dumps([account])} if account else {}
        self._about = Judgement("check", "check", {}, preview=True, settings=settings)
        self._allow_unknown = allow_unknown
        off = CONVENTIONS - config.keys() | ({UNKNOWN_DOCUMENT} if allow_unknown else set())
        chosen = [(rule, config.get(rule.id, Configured())) for rule in RULES if rule.id not in off]
        judges = [(Judge(rule, said.properties), said.level) for rule, said in chosen if said.level != "disabled"]
        self._whole = [(judge, level) for judge, level in judges if judge.rule.scope is Scope.STACK]
        self._single: dict[str, list[tuple[Judge, str]]] = {}
        for judge, level in judges:
            for type_ in judge.rule.types if judge.rule.scope is Scope.RESOURCE else ():
                self._single.setdefault(type_, []).append((judge, level))
        self._judges = judges

    def configuration(self, file: str) -> Iterator[Found]:
        """Yield what is wrong with the waivers of the configuration."""
        for judge, level in self._judges:
            for finding in judge.configuration():
                yield _found(judge.rule, level, finding, Line(file), "")

    def findings(self, subjects: Sequence[Subject], *, stack: bool) -> list[Found]:
        """Return the findings of one file, each once, by line; `stack` says that its resources belong together."""
        found = {(one.at, one.rule.id, one.resource, one.message): one for one in self._findings(subjects, stack)}
        return sorted(found.values(), key=lambda one: one.at.line)

    def _findings(self, subjects: Sequence[Subject], stack: bool) -> Iterator[Found]:
        known = [part for subject in subjects if (part := known_part(subject))]
        if known != list(subjects) and not self._allow_unknown:
            # One value that isn't known hides no fault in the rest.
            yield from self._judged(subjects, stack)
        yield from self._judged(known, stack)

    def _judged(self, subjects: Sequence[Subject], stack: bool) -> Iterator[Found]:
        by_urn = {subject.resource.urn: subject for subject in subjects}
        for subject in subjects:
            for judge, level in self._single.get(subject.resource.type, ()):
                if judge.rule.id in subject.silent:
                    continue
                for finding in judge.violations(subject.resource, self._about):
                    yield _located(judge.rule, level, finding, subject)
        if stack and subjects:
            resources = Stack([subject.resource for subject in subjects])
            for judge, level in self._whole:
                for finding in judge.violations(resources, self._about):
                    yield _located(judge.rule, level, finding, by_urn.get(finding.urn, subjects[0]))


def _located(rule: Rule, level: str, finding: Finding, subject: Subject) -> Found:
    named = re.match(r"`([^`]+)`:? ", finding.message)
    property_ = named[1] if named else ""
    found = _found(rule, level, finding, subject.line(property_, finding.message), subject.label)
    message = found.message
    if not subject.label and message.startswith(f"`{property_}`: "):
        message = message.removeprefix(f"`{property_}`: ")
    if rule.id == UNKNOWN_DOCUMENT:
        message = f"`{property_}` isn't known in full{': ' * bool(subject.unknown)}{'; '.join(subject.unknown)}."
    return found._replace(message=message)


def _found(rule: Rule, level: str, finding: Finding, at: Line, label: str) -> Found:
    message, _, remedy = finding.message.rpartition("\nTo fix: ")
    return Found(at, rule, label, message, _REMEDIES.get(rule.id, remedy), level == "advisory")
