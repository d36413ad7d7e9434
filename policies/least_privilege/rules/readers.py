"""By all policies taken together, exactly the roles that the catalogue names can read a secret or a parameter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from policies.least_privilege.access.readers import COMMAND, PARAMETERS, SECRETS, Store, compare_readers
from policies.least_privilege.stack.attached import PLACES
from policies.least_privilege.stack.roles import ATTACHMENTS, TYPES
from policies.rulebook import Finding, Judgement, Resource, Rule, Scope, Severity

_CONFIG: Final[dict[str, Any]] = {
    "readers": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
        "description": "Name of a value in the stack's own account and region, or for any other the ARN (* and ? "
        "are wildcards) -> names of the roles that may read it, no more and no fewer",
        "default": {},
    }
}


def _check(store: Store, resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    return compare_readers(store, resources, judgement)


RULES: Final = tuple(
    Rule(
        id=f"{store.noun}-readers",
        title=f"Exactly the roles that the catalogue names can read a {store.noun}.",
        remedy=f"Narrow the policy, or declare the reader in the catalogue and write the list again: `{COMMAND}`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
        severity=Severity.HIGH,
        check=partial(_check, store),
        scope=Scope.STACK,
        types=frozenset((*TYPES, *ATTACHMENTS, *PLACES, store.type)),
        config=_CONFIG,
        by_agreement=True,
    )
    for store in (SECRETS, PARAMETERS)
)
