"""`python -m rehearsal.pull_request PLAN.json`: a plan as a comment on a pull request, and its findings as SARIF.

The plan is one that `python -m rehearsal --json` or `python -m operations deploy preview --json` wrote: of the embedded
engine or of the real one. Posting it is left to the CI's own means.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from rehearsal import changes
from rehearsal.changes import Change, Property
from rehearsal.failures import BadConfiguration, Failure
from rehearsal.plan import ROOT_TYPE, place, resource_label
from rehearsal.sarif import sarif

_WORDS: Final = {
    changes.CREATE: "new",
    changes.UPDATE: "changed",
    changes.REPLACE: "replaced",
    changes.DELETE: "removed",
}

_RESOURCES: Final = 30
"""Changed resources of a component that are shown one by one."""
_PROPERTIES: Final = 8
"""Changed properties of a resource that are shown."""
_VIOLATIONS: Final = 30
"""Different findings that are shown."""
_VALUE: Final = 120
"""Characters of a value that are shown."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report to stdout and return the exit code: 0, or 2 where an input can't be read."""
    given = _parser().parse_args(arguments)
    try:
        plan = _plan(given.plan)
        base = _plan(given.base) if given.base else None
        access = _text(given.access) if given.access else ""
        diagram = _mermaid(given.diagram) if given.diagram else ""
        if given.sarif:
            _write(given.sarif, json.dumps(sarif(plan, stack_of(plan)), indent=2) + "\n")
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    print(markdown(plan, base, access, diagram), end="")
    return 0


def markdown(
    plan: Mapping[str, Any], base: Mapping[str, Any] | None = None, access: str = "", diagram: str = ""
) -> str:
    """Return the report as GitHub-flavoured Markdown.

    Args:
        plan: The plan's document.
        base: The document of the plan that it is compared with; without one, the plan's own changes are shown.
        access: The access difference, Markdown.
        diagram: Mermaid text.
    """
    found = changes.between(base, plan) if base is not None else changes.planned(plan)
    sections = [
        _headline(plan, found, base is not None),
        "".join(_policies(plan)),
        "".join(_changed(found, details=base is not None or any(change.properties for change in found))),
        f"### Access\n\n{access.strip()}\n" if access.strip() else "",
        _folded("Diagram", f"```mermaid\n{diagram.strip()}\n```\n") if diagram.strip() else "",
    ]
    return "\n".join(section for section in sections if section)


def stack_of(plan: Mapping[str, Any]) -> str:
    """Return the name of a plan's stack."""
    steps = plan.get("steps", [])
    return str(steps[0]["urn"]).split(":")[2] if steps else "?"


def _headline(plan: Mapping[str, Any], found: Sequence[Change], compared: bool) -> str:
    levels = Counter(violation["level"] for violation in plan["policyViolations"])
    blocked = plan.get("error") or sum(count for level, count in levels.items() if level != "advisory")
    counts = Counter(change.op for change in found)
    what = ", ".join(f"{counts[op]} {_WORDS[op]}" for op in _WORDS if counts[op]) or "no resource changes"
    verdict = (
        "the program failed"
        if plan.get("error")
        else ", ".join(_count(count, f"{level} violation") for level, count in sorted(levels.items(), reverse=True))
        or "every policy holds"
    )
    against = " against the base branch" if compared else ""
    head = f"## {'❌' if blocked else '✅'} `{stack_of(plan)}`: {what}{against}; {verdict}\n"
    return head + (f"\n{_quoted(str(plan['error']))}\n" if plan.get("error") else "")


def _policies(plan: Mapping[str, Any]) -> Iterator[str]:
    violations = sorted(plan["policyViolations"], key=lambda said: (said["level"] == "advisory", said["pack"]))
    if not violations:
        return
    yield "### Policies\n\n"
    # What is said of many resources in the same words is said once.
    said_of: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for violation in violations:
        rule = f"{violation['pack']}/{violation['policy']}"
        key = (violation["level"], violation.get("severity", ""), rule, violation["message"])
        said_of.setdefault(key, []).append(violation)
    for (level, severity, rule, message), about in list(said_of.items())[:_VIOLATIONS]:
        yield f"- **{level}**{f', {severity}' if severity else ''} {_code(rule)}\n"
        yield "".join(f"  {line}\n" for line in _quoted(message).splitlines()) + "\n"
        yield "".join(f"  - {_resource(item['urn'], item.get('sourcePosition', ''))}\n" for item in about[:_RESOURCES])
        if len(about) > _RESOURCES:
            yield f"  - … and {len(about) - _RESOURCES} more resources\n"
    if len(said_of) > _VIOLATIONS:
        yield f"- … and {len(said_of) - _VIOLATIONS} more findings\n"


def _changed(found: Sequence[Change], *, details: bool) -> Iterator[str]:
    """Return the changes, a row for each component, and below it what changes in which resource."""
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
        # A component that comes or goes as a whole is one line.
        shown = [change for change in members if (change.op, change.parent) not in whole]
        for change in shown[:_RESOURCES]:
            inside = _inside(change, members)
            yield f"- {_WORDS[change.op]}: {_resource(change.urn, change.source)}"
            yield f", with {_count(inside, 'resource')} in it\n" if inside else "\n"
            yield from (f"  - {_property(item)}\n" for item in change.properties[:_PROPERTIES])
            if len(change.properties) > _PROPERTIES:
                yield f"  - … and {len(change.properties) - _PROPERTIES} more properties\n"
        if len(shown) > _RESOURCES:
            yield f"- … and {len(shown) - _RESOURCES} more resources\n"


def _resource(urn: str, source: str) -> str:
    about = _code(resource_label(urn)) if urn else "the stack"
    return about + (f", {_code(place(source))}" if source else "")


def _inside(change: Change, members: Sequence[Change]) -> int:
    """Count the resources that come or go with one, at any depth."""
    return sum(1 + _inside(other, members) for other in members if (other.op, other.parent) == (change.op, change.urn))


def _component(change: Change) -> str:
    return _code("the stack" if f"::{ROOT_TYPE}::" in change.component else change.component.rpartition("::")[2])


def _property(item: Property) -> str:
    return f"{_code(item.path)}: {_value(item.before)} → {_value(item.after)}"


def _value(text: str) -> str:
    line = " ".join(text.split())
    return _code(line if len(line) <= _VALUE else line[: _VALUE - 1] + "…")


def _code(text: str) -> str:
    """Return text as a code span, whatever it holds: nothing in it is Markdown."""
    text = " ".join(text.split()) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _quoted(text: str) -> str:
    """Return a message as a quotation: its code spans stay, everything else is text."""
    lines = []
    for line in text.strip().splitlines():
        parts = line.split("`")
        plain = [
            re.sub(r"([\\*_\[\]#~|@])", r"\\\1", part).replace("<", "&lt;") if index % 2 == 0 else part
            for index, part in enumerate(parts)
        ]
        lines.append("> " + ("`".join(plain) if len(parts) % 2 else plain[0] + "".join(f"&#96;{p}" for p in plain[1:])))
    # Two blanks: each line of a message is one of the report.
    return "  \n".join(lines)


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _plan(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(_text(file))
    except ValueError:
        document = None
    if not isinstance(document, dict) or "steps" not in document or "policyViolations" not in document:
        raise BadConfiguration(
            f"{file}: is no plan of one stack; accepted: what `python -m rehearsal --json` or "
            "`python -m operations deploy preview --json` wrote"
        )
    return document


def _mermaid(file: Path) -> str:
    """Return the diagram in a file: Mermaid text, or a Markdown page with it in a fence."""
    text = _text(file)
    fenced = re.search(r"^```mermaid\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if file.suffix == ".md" and not fenced:
        raise BadConfiguration(f"{file}: has no Mermaid diagram; accepted: a page with one, or Mermaid text")
    return fenced[1] if fenced else text


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file}: {getattr(error, 'strerror', None) or 'is no text'}") from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(f"--sarif {file}: {error.strerror}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.pull_request",
        description="Write a plan as Markdown for a pull request: a summary line, policy results with source lines, "
        "changes by component, the access difference and the diagram.",
        epilog="Exit codes: 0 written, whatever the verdict; 2 an input can't be read.",
    )
    parser.add_argument("plan", type=Path, metavar="PLAN.json", help="the plan, of either engine")
    parser.add_argument("--base", type=Path, metavar="FILE", help="the base branch's plan, to compare with")
    parser.add_argument("--access", type=Path, metavar="FILE", help="the access difference, Markdown")
    parser.add_argument("--diagram", type=Path, metavar="FILE", help="a Mermaid file, or a Markdown page with one")
    parser.add_argument("--sarif", type=Path, metavar="FILE", help="write the policy results there as SARIF 2.1.0")
    return parser


if __name__ == "__main__":
    sys.exit(main())
