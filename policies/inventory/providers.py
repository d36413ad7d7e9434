"""Providers: which of them create the resources, where, and with whose credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.inventory.properties import fault
from policies.inventory.table import leaves, table
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Severity

PREFIX: Final = "pulumi:providers:"


def judged_provider(resource: Resource) -> tuple[str, Mapping[str, Json]] | None:
    """Return the package and the inputs of a provider, or of a resource's provider; None if it has none."""
    if resource.type.startswith(PREFIX):
        return resource.type.removeprefix(PREFIX), resource.properties
    package = resource.type.partition(":")[0]
    return (package, resource.provider) if f"{PREFIX}{package}" in table() else None


def _unbound(resource: Resource, _: Judgement) -> Iterator[Finding]:
    provider = judged_provider(resource)
    if not provider:
        return
    package, inputs = provider
    known = table().get(f"{PREFIX}{package}")
    if not known:
        yield Finding(f"No rule judges the provider `{package}`.")
        return
    whose = "" if resource.type.startswith(PREFIX) else " of its provider"
    for path, place, value in leaves(inputs):
        problem = fault(known.judge(path), value)
        if problem:
            yield Finding(f"`{place}`{whose} {problem}")


RULES: Final = (
    Rule(
        id="unbound-provider",
        title="Only the AWS and Cloudflare providers create resources, with the deployer's credentials and all checks.",
        remedy="Use the default provider, or one that sets only region, `allowedAccountIds` and default tags.",
        source="https://www.pulumi.com/registry/packages/aws/installation-configuration/",
        severity=Severity.CRITICAL,
        check=_unbound,
    ),
)
