"""What can't be made again as it was: its data, its name or its addresses are gone once it is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policies.rulebook import Finding, Judgement, Resource, Rule, Severity
from policies.rulebook.production import PRODUCTION, is_production


def _unprotected(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    if is_production(judgement) and not resource.protected:
        yield Finding("The option `protect` isn't set.")


RULES: Final = (
    Rule(
        id="unprotected-resource",
        title="In production, the engine deletes no data and no entrance by mistake.",
        remedy="Set the option `protect`. To delete it on purpose, write a waiver with an end.",
        source="https://www.pulumi.com/docs/iac/concepts/resources/options/protect/",
        severity=Severity.HIGH,
        check=_unprotected,
        types=frozenset(
            (
                "aws:cloudfront/distribution:Distribution",
                "aws:lb/loadBalancer:LoadBalancer",
                "aws:s3/bucket:Bucket",
                "aws:secretsmanager/secret:Secret",
            )
        ),
        config=PRODUCTION,
    ),
)
