"""Values that AWS or Cloudflare takes each for itself, and refuses together.

Each module of this package has a table: resource type -> functions from a resource to what is wrong with it. A value
that is unknown at preview, or of a wrong kind, is the business of `refused-by-aws`: these take it for absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from policies.acceptance.together import (
    balancing,
    cloudflare,
    distributions,
    documents,
    functions,
    network,
    storage,
    web_acls,
)
from policies.rulebook import Finding, Judgement, Resource, Rule, Severity

_TABLES: Final = (balancing, cloudflare, distributions, documents, functions, network, storage, web_acls)

CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    type_: tuple(chain.from_iterable(table.CHECKS.get(type_, ()) for table in _TABLES))
    for type_ in chain.from_iterable(table.CHECKS for table in _TABLES)
}
"""Resource type -> what is asked about it; each yields what is wrong, with the page that says so."""


def _together(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for check in CHECKS[resource.type]:
        for problem in check(resource):
            yield Finding(problem)


RULES: Final = (
    Rule(
        id="refused-together",
        title="The values of a resource are ones that AWS or Cloudflare accepts together.",
        remedy="Change one of the values, as the violation says.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html",
        severity=Severity.HIGH,
        check=_together,
        types=frozenset(CHECKS),
    ),
)
