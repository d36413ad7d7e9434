"""Differences that the engine ignores: the resource stays as it is, and the program doesn't say what that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.inventory.elsewhere import OWNERS
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity

_ONLY_AT_CREATION: Final[Mapping[str, frozenset[str]]] = {
    # A change of the snapshot would replace the cluster and its data. AWS upgrades minor versions by itself and refuses
    # to go back (https://github.com/hashicorp/terraform-provider-aws/issues/29409).
    "aws:rds/cluster:Cluster": frozenset(("snapshotIdentifier", "engineVersion")),
}
"""Type -> properties that only matter when a resource is created."""


def _ignored(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for path in sorted(set(resource.ignored_changes) - _ONLY_AT_CREATION.get(resource.type, frozenset())):
        yield Finding(f"Changes of `{path}` are ignored, so its real value may differ from the program.")


RULES: Final = (
    Rule(
        id="ignored-changes",
        title="Resources are what the program says: no change of a property is ignored.",
        remedy="Remove `ignore_changes`, or the entry in `keptDifferences`. For a resource that was taken over, "
        f"have {OWNERS} waive this rule until the property can be changed.",
        source="https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/",
        severity=Severity.MEDIUM,
        check=_ignored,
    ),
)
