"""Differences that the engine ignores: what runs stays as it is, and the program doesn't say what that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.inventory.elsewhere import OWNERS
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity

_SAID_AT_CREATION: Final[Mapping[str, frozenset[str]]] = {
    # What a cluster starts from: a change would replace it, and its data with it. AWS raises minor versions by itself,
    # and refuses to go back (https://github.com/hashicorp/terraform-provider-aws/issues/29409).
    "aws:rds/cluster:Cluster": frozenset(("snapshotIdentifier", "engineVersion")),
}
"""Type -> properties that say how a resource begins, and nothing of what it is later."""


def _ignored(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for path in sorted(set(resource.ignored_changes) - _SAID_AT_CREATION.get(resource.type, frozenset())):
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
