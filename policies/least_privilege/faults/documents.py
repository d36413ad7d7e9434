"""All faults of one document, computed once and cached: each rule of the pack then picks its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from policies.least_privilege.faults.denials import denial_faults
from policies.least_privilege.faults.escalation import escalation_faults
from policies.least_privilege.faults.fault import Fault, RuleId
from policies.least_privilege.faults.identity import identity_faults
from policies.least_privilege.faults.places import each_once, identity
from policies.least_privilege.faults.resource_policies import resource_policy_faults
from policies.least_privilege.faults.roots import link_roots
from policies.least_privilege.faults.tags import tag_faults
from policies.least_privilege.faults.trust import trust_faults
from policies.least_privilege.faults.validity import validity_faults
from policies.least_privilege.faults.wording import shorten
from policies.least_privilege.language.documents import Kind, Statement, parse
from policies.least_privilege.meaning.grants import joint_grants

VALIDITY: Final = frozenset(
    (
        RuleId.MALFORMED_DOCUMENT,
        RuleId.UNKNOWN_ACTION,
        RuleId.MALFORMED_ARN,
        RuleId.INVALID_CONDITION,
        RuleId.RESOURCE_MISMATCH,
    )
)
"""Faults that make an identity policy say something other than it seems to say."""

_WIDE_BOUNDARY: Final = frozenset(
    (
        RuleId.WILDCARD_ACTION,
        RuleId.NOT_ACTION,
        RuleId.NOT_RESOURCE,
        RuleId.WILDCARD_RESOURCE,
        RuleId.PRIVILEGE_ESCALATION,
        RuleId.UNSCOPED_PASS_ROLE,
        RuleId.DATA_EXFILTRATION,
    )
)
"""Faults that leave a boundary without a limit. A boundary grants nothing, so it may be wider than the policies within
it. But for those who can write a role's policies, it's the only limit."""

_IN_A_BOUNDARY: Final = VALIDITY | _WIDE_BOUNDARY
"""All faults of a boundary."""


@lru_cache(4096)
def document_faults(text: str, kind: Kind, service: str = "") -> tuple[Fault, ...]:
    """Return the faults of a document (JSON text), in a stable order, each once.

    `service` is the prefix of the service whose resource has the policy; it matters to resource policies only.
    """
    document = parse(text, kind)
    found = [*validity_faults(text, document, kind), *denial_faults(document.statements, kind)]
    if kind is Kind.TRUST:
        found += trust_faults(document.statements)
    elif kind is Kind.RESOURCE:
        found += resource_policy_faults(document.statements, service)
    else:
        found += identity_faults(document.statements)
        if kind is Kind.BOUNDARY:
            found = [fault for fault in found if fault.rule in _IN_A_BOUNDARY]
    faults = tuple(each_once(found))
    for fault in faults:
        fault.kind = kind
    link_roots(faults)
    return faults


def joint_escalations(policies: Iterable[tuple[str, str]]) -> tuple[Fault, ...]:
    """Return the privilege escalations that a role's identity policies allow together and none of them allows alone.

    Each policy is given by the name that messages use, and its JSON text.
    """
    each = [
        [replace(one, where=f"{one.where} of `{shorten(name)}`") for one in parse(text, Kind.IDENTITY).statements]
        for name, text in policies
    ]
    together = each_once(_escalations([statement for statements in each for statement in statements]))
    alone = {identity(fault) for statements in each if together for fault in _escalations(statements)}
    faults = tuple(fault for fault in together if identity(fault) not in alone)
    link_roots(faults)
    return faults


def _escalations(statements: Sequence[Statement]) -> Iterator[Fault]:
    grants = joint_grants(statements)
    yield from tag_faults(statements, grants)
    yield from escalation_faults(statements, grants)
