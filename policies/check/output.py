"""Writes findings as text, as JSON and as SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.check.verdict import Found

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_SECURITY_SEVERITY: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0"}
"""Severity -> a value in its range in GitHub's code scanning:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning"""


@dataclass(frozen=True)
class Report:
    """The result of a run. `problems` says for each file that couldn't be judged why; `judged` counts the others."""

    findings: Sequence[Found]
    problems: Mapping[str, str]
    judged: int


def as_text(report: Report, *, explain: bool) -> Iterator[str]:
    """Yield the lines of a report; `explain` adds the remedy and the source of each finding."""
    for found in report.findings:
        place = f"{found.at.file}:{found.at.line}" if found.at.line else found.at.file
        level = f"{found.violation.severity.value}{', advisory' if found.violation.advisory else ''}"
        resource = f" {visible(found.resource)}:" if found.resource else ""
        yield f"{visible(place)}: {found.rule.id} ({level}):{resource} {visible(_message(found))}"
        if explain:
            yield f"    to fix  {visible(found.remedy)}"
            yield f"    source  {found.rule.source}"
    files = len({found.at.file for found in report.findings})
    counted = f"{_count(len(report.findings), 'finding')} in {_count(files, 'file')}" if files else "No findings"
    bad = f"; {_count(len(report.problems), 'file')} couldn't be judged" if report.problems else ""
    yield f"{counted}; {_count(report.judged, 'file')} judged{bad}."


def _message(found: Found) -> str:
    """Return what is wrong, and which other rules it breaks."""
    return " ".join(filter(None, (found.message, found.violation.also_found)))


def as_json(report: Report) -> Iterator[str]:
    """Yield a report as one JSON object: `findings`, `problems` and the number of files `judged`.

    `also` counts the findings that were merged into a finding: id of their rule -> how many.
    """
    findings = [
        {
            "file": found.at.file,
            "line": found.at.line or None,
            "rule": found.rule.id,
            "severity": found.violation.severity.value,
            "level": "advisory" if found.violation.advisory else "mandatory",
            "resource": found.resource or None,
            "message": found.message,
            "also": Counter(rule.id for rule in found.violation.also),
            "remedy": found.remedy,
            "source": found.rule.source,
        }
        for found in report.findings
    ]
    problems = [{"file": file, "problem": problem} for file, problem in report.problems.items()]
    yield json.dumps({"findings": findings, "problems": problems, "judged": report.judged}, indent=2)


def as_sarif(report: Report) -> Iterator[str]:
    """Yield a report as a SARIF log with one run."""
    rules = list({found.rule.id: found.rule for found in report.findings}.values())
    places = {rule.id: index for index, rule in enumerate(rules)}
    driver = {
        "name": "least-privilege",
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.title},
                "help": {"text": rule.remedy},
                "helpUri": rule.source,
                "properties": {
                    "tags": ["security"],
                    "security-severity": _SECURITY_SEVERITY[rule.severity.value],
                },
            }
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.problems,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": f"{file} {problem}"}, "locations": [_location(file, 0)]}
                    for file, problem in report.problems.items()
                ],
            }
        ],
        "results": [_result(found, places[found.rule.id]) for found in report.findings],
    }
    yield json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(found: Found, index: int) -> dict[str, Any]:
    logical = {"logicalLocations": [{"fullyQualifiedName": found.resource, "kind": "resource"}]}
    text = f"{found.resource}: {found.message}" if found.resource else found.message
    fingerprint = hashlib.sha256(f"{found.at.file} {found.rule.id} {text}".encode())
    return {
        "ruleId": found.rule.id,
        "ruleIndex": index,
        "level": "warning" if found.violation.advisory else "error",
        "message": {"text": " ".join(filter(None, (text, found.violation.also_found, f"To fix: {found.remedy}")))},
        "locations": [{**_location(found.at.file, found.at.line), **(logical if found.resource else {})}],
        # Without the line, which moves when text above it changes; the rule and its message stay.
        "partialFingerprints": {"finding/v1": fingerprint.hexdigest()},
    }


def _location(file: str, line: int) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": {"startLine": max(line, 1)}}}


def _uri(file: str) -> str:
    from urllib.parse import quote

    return quote(file.removeprefix("./"))


def visible(text: str) -> str:
    """Return a text on one line, with control characters escaped, since a terminal would obey them."""
    return "".join(one if one.isprintable() else " " if one == "\n" else f"\\u{ord(one):04x}" for one in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


FORMATS: Final = {"json": as_json, "sarif": as_sarif}
"""Format -> the function that writes a report in it. `text` isn't here because its function takes an option."""
