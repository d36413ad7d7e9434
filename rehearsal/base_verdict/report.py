"""Reports the base branch's verdict, and what a branch changes about the gate, in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rehearsal.base_verdict.gate_changes import ChangedFile, Passing, relaxations
from rehearsal.reports.markdown import code, counted, policies, prose
from stackfiles.plan_document import PlanDocument, rules_named

_SHOWN: Final = 20
"""How many values of a file, or cases, are listed."""
_LINE: Final = 160
"""How many characters of a value are shown."""

_WAY_ON: Final = """\
If the program is right and the gate has to follow, **merge the change of the gate first, on its own**, with the \
approval of its owners in `CODEOWNERS`; then this branch passes. If both can only change together, such as a new \
reader of an existing secret and the list of its readers, the owners merge despite this check.
"""


@dataclass(frozen=True)
class StackVerdicts:
    """The plan of one stack of a branch, judged by the base branch's gate and by the branch's own."""

    stack: str
    base: PlanDocument
    own: PlanDocument

    @property
    def base_words(self) -> str:
        """The verdict of the base branch's gate in a few words."""
        return _words(self.base)

    @property
    def own_words(self) -> str:
        """The verdict of the branch's own gate in a few words."""
        return _words(self.own)


@dataclass(frozen=True)
class GateReport:
    """The verdicts on each stack, the files of the gate that differ, and the cases that the changed gate lets pass."""

    verdicts: Sequence[StackVerdicts]
    changes: Sequence[ChangedFile]
    passing: Sequence[Passing]

    @property
    def passed(self) -> bool:
        """Whether the base branch's gate passes every stack."""
        return not any(_stopped(verdict.base) for verdict in self.verdicts)


def gate_markdown(report: GateReport, *, violations: bool = True) -> str:
    """Return the report; `violations` says whether to list the base branch's violations."""
    parts = ["".join(_verdicts(report, violations=violations)), "".join(_changes(report))]
    return "\n".join(part for part in parts if part)


def _verdicts(report: GateReport, *, violations: bool) -> Iterator[str]:
    said = "lets this branch pass" if report.passed else "stops this branch"
    yield f"## {'✅' if report.passed else '❌'} The base branch's gate {said}\n\n"
    yield "| stack | the base branch's gate | this branch's gate |\n|---|---|---|\n"
    for verdict in report.verdicts:
        yield f"| {code(verdict.stack)} | {verdict.base_words} | {verdict.own_words} |\n"
    if not report.passed:
        yield f"\n{_WAY_ON}"
    for verdict in report.verdicts:
        if verdict.base.get("error"):
            yield f"\n{code(verdict.stack)}: {code(verdict.base['error'])}\n"
        elif verdict.base["policyViolations"] and violations:
            yield f"\n**Violations in {code(verdict.stack)}**\n\n"
            yield from policies(verdict.base, heading="")


def _changes(report: GateReport) -> Iterator[str]:
    if not report.changes:
        return
    yield "### This branch changes the gate\n\n"
    yield "| part | files |\n|---|---|\n"
    kinds = list(dict.fromkeys(change.kind for change in report.changes))
    for kind in kinds:
        files = [f"{code(change.path)} ({change.how})" for change in report.changes if change.kind == kind]
        yield f"| {kind} | {_joined(files, ', ')} |\n"
    for verdict in report.verdicts:
        yield from _loosened(verdict)
    for change in report.changes:
        for values, what in ((change.added, "now has"), (change.gone, "no longer has")):
            if values:
                yield f"\n{code(change.path)} {what}\n\n"
                yield from (f"- {code(_short(value))}\n" for value in values[:_SHOWN])
                yield from _more(values)
    for passing in report.passing:
        yield from _passing(passing)


def _loosened(verdict: StackVerdicts) -> Iterator[str]:
    """Yield where the branch's gate is laxer, and what that lets pass in the branch's own program."""
    stack = code(verdict.stack)
    if verdict.own.get("error"):
        yield f"\n{stack}: this branch's gate gives no verdict: {code(verdict.own['error'])}\n"
        return
    base, own = verdict.base.get("policyEnforcement"), verdict.own.get("policyEnforcement")
    lines = [f"{stack}: {prose(line)}" for line in relaxations(base, own)] if base and own else []
    stopped = _mandatory(verdict.own)
    passed = sorted({rule for rule, urn in _mandatory(verdict.base) if (rule, urn) not in stopped})
    lines += [f"{stack}: {code(rule)} no longer stops this program" for rule in passed]
    if lines:
        yield "\n**It is laxer**\n\n"
        yield from (f"- {line}\n" for line in lines[:_SHOWN])
        yield from _more(lines)


def _passing(passing: Passing) -> Iterator[str]:
    if passing.failure:
        yield f"\nThe {passing.title} couldn't be tried on this branch's packs: {code(passing.failure)}\n"
    elif not passing.cases:
        yield f"\nIt still stops all {passing.title} that were tried.\n"
    else:
        yield f"\n**It no longer stops {counted(len(passing.cases), 'case')} of the {passing.title}**\n\n"
        cases = list(passing.cases.items())
        yield from (f"- {code(name)}: {prose(why)}\n" for name, why in cases[:_SHOWN])
        yield from _more(cases)


def _mandatory(plan: PlanDocument) -> set[tuple[str, str]]:
    return {
        (rule, said["urn"])
        for said in plan["policyViolations"]
        if said["level"] != "advisory"
        for rule in rules_named(said)
    }


def _stopped(plan: PlanDocument) -> bool:
    return bool(plan.get("error") or _mandatory(plan))


def _words(plan: PlanDocument) -> str:
    if plan.get("error"):
        return "no verdict"
    number = sum(said["level"] != "advisory" for said in plan["policyViolations"])
    return counted(number, "mandatory violation") if number else "passed"


def _joined(items: Sequence[str], separator: str) -> str:
    rest = [f"{len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    return separator.join([*items[:_SHOWN], *rest])


def _more(items: Sequence[object]) -> Iterator[str]:
    if len(items) > _SHOWN:
        yield f"- … and {len(items) - _SHOWN} more\n"


def _short(text: str) -> str:
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"
