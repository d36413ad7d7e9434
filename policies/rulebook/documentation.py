"""The rules as a table for people, made from the same data as the policies."""

from __future__ import annotations

from collections.abc import Iterable

from policies.rulebook.rule import Rule


def table(rules: Iterable[Rule]) -> str:
    """Return a Markdown table of rules, in their order: id, what it asks for, severity, configuration, remedy, source.

    Ends with a newline.
    """
    rows = [
        (
            f"`{rule.id}`",
            rule.title,
            rule.severity.value,
            ", ".join(f"`{key}`" for key in rule.config),
            rule.remedy,
            f"[source]({rule.source})",
        )
        for rule in rules
    ]
    heading = ("rule", "what it asks for", "severity", "configuration", "how to fix a violation", "source")
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
