"""The documents of a resource with their faults, and which of these the configuration allows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from policies.least_privilege.faults.documents import document_faults
from policies.least_privilege.faults.fault import Applies, Fault, RuleId
from policies.least_privilege.language.documents import Kind
from policies.least_privilege.language.patterns import matches
from policies.least_privilege.stack.attached import Attached, documents
from policies.least_privilege.stack.roles import POLICY
from policies.rulebook import Finding, Judgement, Resource

BOUNDARIES: Final[dict[str, Any]] = {
    "boundaries": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Names (* and ? are wildcards) of managed policies that are permissions boundaries; they grant "
        "nothing, so they may be wider. One that is attached, or that no role of the stack has as its boundary, is "
        "judged in full",
        "default": ["*-boundary"],
    }
}
"""The configuration that each rule needs to judge documents."""


UNKNOWN_DOCUMENT: Final = "unknown-document"
"""The rule about documents that a preview can't know."""


class Judged(NamedTuple):
    """The documents of a resource, and what is wrong with them."""

    documents: Sequence[Attached]
    faults: Mapping[RuleId, Sequence[tuple[str, Fault]]]
    """Rule -> path of a document, and the fault."""
    broken: Collection[str]
    """All rules about documents that find something, by id."""


def judge(resource: Resource, judgement: Judgement) -> Judged:
    """Return the documents of a resource with their faults."""
    is_bound = resource.type == POLICY and is_boundary(resource, judgement)
    return resource.shared(_judge_boundary if is_bound else _judge_grant)


def broken_rules(resource: Resource) -> Collection[str]:
    """Return the rules about documents that find something.

    A boundary is judged as a policy that grants, because it breaks no other rules as a boundary.
    """
    return resource.shared(_judge_grant).broken


def _judge_grant(resource: Resource) -> Judged:
    return _judge(resource, boundary=False)


def _judge_boundary(resource: Resource) -> Judged:
    return _judge(resource, boundary=True)


def _judge(resource: Resource, *, boundary: bool) -> Judged:
    attached = attached_documents(resource)
    faults: dict[RuleId, list[tuple[str, Fault]]] = {}
    broken = set[str]()
    for document in attached:
        if document.text is None:
            broken.add(UNKNOWN_DOCUMENT)
        elif document.problem:
            broken.add(RuleId.MALFORMED_DOCUMENT)
        else:
            kind = Kind.BOUNDARY if boundary else document.kind
            for fault in document_faults(document.text, kind, document.service):
                faults.setdefault(fault.rule, []).append((document.path, fault))
    return Judged(attached, faults, broken.union(faults))


def attached_documents(resource: Resource) -> Sequence[Attached]:
    """Return the resource's documents; every rule shares one list."""
    return resource.shared(_attached_documents)


def _attached_documents(resource: Resource) -> Sequence[Attached]:
    return tuple(documents(resource))


def finding(where: str, fault: Fault, urn: str = "") -> Finding:
    """Return the finding for a fault of one document, or of all policies of a role. Its message begins with `where`."""
    return Finding(
        lambda: f"{where}: {fault.message}",
        urn,
        lambda: fault.remedy,
        fault=(where, fault),
        follows_from=lambda: [(where, root) for root in fault.follows_from],
    )


def is_boundary(resource: Resource, judgement: Judgement) -> bool:
    """Tell whether a managed policy is a permissions boundary, by its name."""
    name = resource.get("name")
    return isinstance(name, str) and any(matches(pattern, name) for pattern in judgement.config["boundaries"])


def is_allowed(fault: Fault, resource: Resource, judgement: Judgement) -> bool:
    """Tell whether the configuration, or the account that a resource is in, allows a fault."""
    if not fault.about:
        return False
    listed = [*judgement.config.get("accounts", ()), *judgement.config.get("services", ())]
    if fault.about in (*listed, *judgement.config.get("issuers", ())):
        return True
    if fault.applies is Applies.ALWAYS:
        # A resource policy may let in everybody of its own account, as AWS's default ones do. A role may not.
        return fault.rule is RuleId.CROSS_ACCOUNT_ACCESS and fault.about in resource.shared(_own_accounts)
    if fault.applies is Applies.TO_UNLISTED_PRINCIPALS and judgement.config.get("unlisted_roles", False):
        return True
    own = resource.shared(_own_accounts)
    return fault.about in own or not (own or listed)


_ACCOUNT: Final = re.compile(r"(?<!\d)\d{12}(?!\d)")
_OWN: Final = ("permissionsBoundary", "arn", "keyId", "queueUrl", "resourceArn", "secretArn")
"""Properties that name something in the resource's own account: its boundary, or what its policy belongs to."""


def _own_accounts(resource: Resource) -> frozenset[str]:
    """Return the accounts that the resource is known to be in: by its provider, or by properties that name its own."""
    texts = (resource.provider.get("allowedAccountIds"), *map(resource.get, _OWN))
    return frozenset(account for text in texts if text is not None for account in _ACCOUNT.findall(str(text)))
