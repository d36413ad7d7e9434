"""A plan as a comment on a pull request: GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rehearsal.reports import changes
from rehearsal.reports.changes import Change, Property
from rehearsal.reports.consequences import IMPOSSIBLE, Consequence, consequences
from stackfiles.plan_document import (
    ROOT_TYPE,
    PlanDocument,
    Violation,
    enforced,
    lines_text,
    place,
    places,
    relaxed,
    resource_label,
)
from stackfiles.visible_text import visible, visible_line

_WORDS: Final = {
    changes.CREATE: "new",
    changes.UPDATE: "changed",
    changes.REPLACE: "replaced",
    changes.DELETE: "removed",
}

_RESOURCES: Final = 30
"""How many changed resources of a component are listed."""
_PROPERTIES: Final = 8
"""How many changed properties of a resource are shown."""
_VIOLATIONS: Final = 30
"""How many different findings are shown."""
_PLACE: Final = re.compile(r"\bstatement \d+(?= \()")
"""The position of a statement that has a Sid."""
_VALUE: Final = 120
"""How many characters of a value are shown."""


def markdown(plan: PlanDocument, base: PlanDocument | None = None, access: str = "", diagram: str = "") -> str:
    """Return the report.

    Args:
        plan: The plan.
        base: The plan that it is compared with; without one, the plan's own changes are shown.
        access: The access difference, as Markdown.
        diagram: Mermaid text.
    """
    found = changes.compare(base, plan) if base is not None else changes.planned_changes(plan)
    certain = consequences(found, plan, base)
    sections = [
        _headline(plan, found, certain, compared=base is not None),
        "".join(_certain(certain)),
        "".join(policies(plan)),
        "".join(_changed(found, details=base is not None or any(change.properties for change in found))),
        f"### Access\n\n{visible(access.strip())}\n" if access.strip() else "",
        _folded("Diagram", f"```mermaid\n{visible(diagram.strip())}\n```\n") if diagram.strip() else "",
    ]
    return "\n".join(section for section in sections if section)


def stack_name(plan: PlanDocument) -> str:
    """Return the name of a plan's stack."""
    return plan["steps"][0]["urn"].split(":")[2] if plan["steps"] else "?"


def _headline(plan: PlanDocument, found: Sequence[Change], certain: Sequence[Consequence], *, compared: bool) -> str:
    impossible = sum(consequence.kind == IMPOSSIBLE for consequence in certain)
    levels = Counter(violation["level"] for violation in plan["policyViolations"])
    blocked = plan.get("error") or sum(count for level, count in levels.items() if level != "advisory")
    counts = Counter(change.op for change in found)
    what = ", ".join(f"{counts[op]} {_WORDS[op]}" for op in _WORDS if counts[op]) or "no resource changes"
    verdict = (
        "the program failed"
        if plan.get("error")
        else ", ".join(counted(count, f"{level} violation") for level, count in sorted(levels.items(), reverse=True))
        or "no violations"
    )
    enforcement = plan.get("policyEnforcement")
    if enforcement and relaxed(enforcement):
        verdict += f"; {enforced(enforcement)}"
    if impossible:
        verdict = f"{impossible} can't succeed; {verdict}"
    against = " against the base branch" if compared else ""
    head = f"## {'❌' if blocked or impossible else '✅'} `{stack_name(plan)}`: {what}{against}; {verdict}\n"
    return head + (f"\n{_quoted(plan['error'])}\n" if plan.get("error") else "")


def _certain(certain: Sequence[Consequence]) -> Iterator[str]:
    """Yield what can't succeed, what is destroyed and what is replaced."""
    for kind, members in groupby(certain, key=lambda consequence: consequence.kind):
        listed = list(members)
        yield f"### {kind.capitalize()}\n\n"
        for consequence in listed[:_RESOURCES]:
            yield f"- {_resource(consequence.urn, consequence.source)}: {prose(visible_line(consequence.text))}\n"
        if len(listed) > _RESOURCES:
            yield f"- … and {len(listed) - _RESOURCES} more\n"
        yield "\n"


def policies(plan: PlanDocument, heading: str = "### Policies\n\n") -> Iterator[str]:
    """Yield the packs' violations, below a heading; nothing if there are none."""
    violations = sorted(plan["policyViolations"], key=lambda said: (said["level"] == "advisory", said["pack"]))
    if not violations:
        return
    yield heading
    # A finding with the same words about many resources is shown once; the statement's position may differ.
    findings: dict[tuple[str, ...], list[Violation]] = {}
    for violation in violations:
        rule = f"{violation['pack']}/{violation['policy']}"
        words = _PLACE.sub("statement", violation["message"])
        findings.setdefault((violation["level"], violation.get("severity", ""), rule, words), []).append(violation)
    for (level, severity, rule, words), about in list(findings.items())[:_VIOLATIONS]:
        message = about[0]["message"] if len({item["message"] for item in about}) == 1 else words
        yield f"- **{level}**{f', {severity}' if severity else ''} {code(rule)}\n"
        yield "".join(f"  {line}\n" for line in _quoted(message).splitlines()) + "\n"
        yield "".join(f"  - {_judged(item)}\n" for item in about[:_RESOURCES])
        if len(about) > _RESOURCES:
            yield f"  - … and {len(about) - _RESOURCES} more resources\n"
    if len(findings) > _VIOLATIONS:
        yield f"- … and {len(findings) - _VIOLATIONS} more findings\n"


def _changed(found: Sequence[Change], *, details: bool) -> Iterator[str]:
    """Yield the changes: a table with a row for each component, then the changed resources and properties."""
    if not found:
        return
    yield "### Changes\n\n| component | new | changed | replaced | removed |\n|---|---|---|---|---|\n"
    ordered = sorted(found, key=_component)
    components = [(name, list(members)) for name, members in groupby(ordered, key=_component)]
    for name, members in components:
        counts = Counter(change.op for change in members)
        row = name.replace("|", "\\|")
        yield f"| {row} | " + " | ".join(str(counts[op] or "") for op in _WORDS) + " |\n"
    if not details:
        return
    for name, members in components:
        yield f"\n**{name}**\n\n"
        whole = {(change.op, change.urn) for change in members if change.op in (changes.CREATE, changes.DELETE)}
        # A component that is created or deleted as a whole is one line.
        shown = [change for change in members if (change.op, change.parent) not in whole]
        for change in shown[:_RESOURCES]:
            inside = _inside(change, members)
            yield f"- {_WORDS[change.op]}: {_resource(change.urn, change.source)}"
            yield f", with {counted(inside, 'resource')} in it\n" if inside else "\n"
            yield from (f"  - {_property(item)}\n" for item in change.properties[:_PROPERTIES])
            if len(change.properties) > _PROPERTIES:
                yield f"  - … and {len(change.properties) - _PROPERTIES} more properties\n"
        if len(shown) > _RESOURCES:
            yield f"- … and {len(shown) - _RESOURCES} more resources\n"


def _resource(urn: str, source: str) -> str:
    about = code(resource_label(urn)) if urn else "the stack"
    return about + (f", {code(place(source))}" if source else "")


def _judged(violation: Violation) -> str:
    about = code(resource_label(violation["urn"])) if violation["urn"] else "the stack"
    lines = places(violation)
    return f"{about}, {code(lines_text(lines))}" if lines else about


def _inside(change: Change, members: Sequence[Change]) -> int:
    """Count the resources that are created or deleted within a component, at any depth."""
    return sum(1 + _inside(other, members) for other in members if (other.op, other.parent) == (change.op, change.urn))


def _component(change: Change) -> str:
    return code("the stack" if f"::{ROOT_TYPE}::" in change.component else change.component.rpartition("::")[2])


def _property(item: Property) -> str:
    return f"{code(item.path)}: {_value(item.before)} → {_value(item.after)}"


def _value(text: str) -> str:
    line = " ".join(text.split())
    return code(line if len(line) <= _VALUE else line[: _VALUE - 1] + "…")


def code(text: str) -> str:
    """Return text as a code span, so that nothing in it is read as Markdown."""
    text = " ".join(visible(text).split()) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _quoted(text: str) -> str:
    """Return a message as a block quote: its code spans stay, everything else is plain text."""
    # Two blanks keep a message's line breaks.
    return "  \n".join(f"> {prose(line)}" for line in visible(text.strip()).splitlines())


def prose(line: str) -> str:
    """Return a line in which code spans stay and everything else is escaped."""
    parts = line.split("`")
    plain = [
        re.sub(r"([\\*_\[\]#~|@])", r"\\\1", part).replace("<", "&lt;") if index % 2 == 0 else part
        for index, part in enumerate(parts)
    ]
    return "`".join(plain) if len(parts) % 2 else plain[0] + "".join(f"&#96;{part}" for part in plain[1:])


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"


def counted(number: int, what: str) -> str:
    """Return a number of things, such as `2 rules`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
