"""Protects resources that can't be created again as they were: deleting them loses their data, name or addresses."""

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
        title="In production, the engine can't delete data or entry points by mistake.",
        remedy="Set the option `protect`. To delete the resource on purpose, add a waiver.",
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
