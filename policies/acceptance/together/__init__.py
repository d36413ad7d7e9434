"""Values that AWS or Cloudflare accepts individually, but refuses in combination.

Each module of this package has a table: resource type -> functions that yield the problems of a resource. They treat a
value that is unknown at preview or of the wrong kind as absent, because `refused-by-aws` reports it.
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
"""Resource type -> its checks; each yields problems, with the page that documents them."""


def _together(resource: Resource, _: Judgement) -> Iterator[Finding]:
    for check in CHECKS[resource.type]:
        for problem in check(resource):
            yield Finding(problem)


RULES: Final = (
    Rule(
        id="refused-together",
        title="AWS or Cloudflare accepts the combination of a resource's values.",
        remedy="Change one of the values, as the violation says.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html",
        severity=Severity.HIGH,
        check=_together,
        types=frozenset(CHECKS),
    ),
)
