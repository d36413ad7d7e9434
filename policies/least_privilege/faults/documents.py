"""All faults of one document, computed once and remembered: each rule of the pack then picks its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from policies.least_privilege.faults import denials, escalation, identity, resource_policies, trust, validity
from policies.least_privilege.faults.fault import Fault
from policies.least_privilege.language.documents import Kind, Statement, parse
from policies.least_privilege.meaning.grants import granted

VALIDITY: Final = frozenset(
    ("malformed-document", "unknown-action", "malformed-arn", "invalid-condition", "resource-mismatch")
)
"""Faults by which an identity policy says something else than it seems to."""

_IN_A_BOUNDARY: Final = VALIDITY | {"wildcard-action", "not-action"}
"""What is a fault in a boundary too. A boundary grants nothing; it may be wider than the grants that it bounds."""


@lru_cache(4096)
def faults(text: str, kind: Kind, service: str = "") -> tuple[Fault, ...]:
    """Return the faults of a document (JSON text), in a stable order, each once.

    `service` is the prefix of the service whose resource a resource policy is attached to.
    """
    document = parse(text, kind)
    found = [*validity.faults(document, kind), *denials.faults(document.statements, kind)]
    if kind is Kind.TRUST:
        found += trust.faults(document.statements)
    elif kind is Kind.RESOURCE:
        found += resource_policies.faults(document.statements, service)
    else:
        found += identity.faults(document.statements)
        if kind is Kind.BOUNDARY:
            found = [fault for fault in found if fault.rule in _IN_A_BOUNDARY]
    return tuple(dict.fromkeys(found))


def joined(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Return the ways to more permissions that several identity policies of one role open together, and none alone."""
    documents = [parse(text, Kind.IDENTITY) for text in texts]
    statements: list[Statement] = [statement for document in documents for statement in document.statements]
    together = dict.fromkeys(escalation.faults(statements, granted(statements)))
    alone = {
        fault
        for document in documents
        for fault in escalation.faults(document.statements, granted(document.statements))
    }
    return tuple(fault for fault in together if fault not in alone)
