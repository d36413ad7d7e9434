"""Differences that the engine ignores: what runs stays as it is, and the program doesn't say what that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.inventory.elsewhere import OWNERS
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity


def _ignored(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for path in resource.ignored_changes:
        yield Finding(f"Changes of `{path}` are ignored, so what runs may be anything, whatever the program says.")


RULES: Final = (
    Rule(
        id="ignored-changes",
        title="What runs is what the program says: no change of a property is ignored.",
        remedy="Take `ignore_changes` away, or the entry of `keptDifferences`. For a resource that was taken over, "
        f"have {OWNERS} waive this rule until its property can be changed.",
        source="https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/",
        severity=Severity.MEDIUM,
        check=_ignored,
    ),
)
