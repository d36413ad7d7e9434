"""One thing that is wrong with a document."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import NamedTuple

from policies.least_privilege.language.documents import Statement


class RuleId(StrEnum):
    """The rules about single documents. Each has a row in `rules.documents`."""

    MALFORMED_DOCUMENT = "malformed-document"
    UNKNOWN_ACTION = "unknown-action"
    MALFORMED_ARN = "malformed-arn"
    MALFORMED_PRINCIPAL = "malformed-principal"
    INVALID_CONDITION = "invalid-condition"
    RESOURCE_MISMATCH = "resource-mismatch"
    INEFFECTIVE_CONDITION = "ineffective-condition"

    WILDCARD_ACTION = "wildcard-action"
    SERVICE_WILDCARD = "service-wildcard"
    BROAD_ACTION_PATTERN = "broad-action-pattern"
    NOT_ACTION = "not-action"
    NOT_RESOURCE = "not-resource"
    WILDCARD_RESOURCE = "wildcard-resource"
    UNBOUNDED_RESOURCE = "unbounded-resource"
    SECRET_WILDCARD = "secret-wildcard"
    UNSCOPED_PASS_ROLE = "unscoped-pass-role"
    PRIVILEGE_ESCALATION = "privilege-escalation"
    CREDENTIAL_EXPOSURE = "credential-exposure"
    DATA_EXFILTRATION = "data-exfiltration"
    PERMISSIONS_MANAGEMENT = "permissions-management"
    AUDIT_TAMPERING = "audit-tampering"

    OPEN_TRUST = "open-trust"
    NOT_PRINCIPAL = "not-principal"
    TRUST_ACTION = "trust-action"
    CROSS_ACCOUNT_TRUST = "cross-account-trust"
    UNSCOPED_SERVICE_TRUST = "unscoped-service-trust"
    FEDERATION_WITHOUT_AUDIENCE = "federation-without-audience"
    FEDERATION_WITHOUT_SUBJECT = "federation-without-subject"
    LOOSE_FEDERATION_SUBJECT = "loose-federation-subject"

    PUBLIC_RESOURCE_POLICY = "public-resource-policy"
    CONFUSED_DEPUTY = "confused-deputy"
    CROSS_ACCOUNT_ACCESS = "cross-account-access"


class Applies(Enum):
    """To whom access must be given for it to be a fault."""

    ALWAYS = "anybody"
    TO_OTHER_ACCOUNTS = "an account other than the resource's own"
    TO_UNLISTED_PRINCIPALS = "a role or user of another account, where the configuration demands a list of accounts"


class Place(NamedTuple):
    """A statement that has a part in a fault."""

    statement: Statement
    actions: tuple[str, ...]
    """Those of its actions that the fault is about, in lower case."""
    resources: tuple[str, ...]
    """Those of its resources that the fault is about."""


class Fault(NamedTuple):
    """A fault, before configuration and waivers. Messages quote names of the document, never a condition's value."""

    rule: RuleId
    message: str
    about: str = ""
    """What the rule's configuration can allow by name: an account, a service or an issuer."""
    applies: Applies = Applies.ALWAYS
    places: tuple[Place, ...] = ()
    """Where in the document it is; empty if the document as a whole is wrong."""
    remedy: str = ""
    """How to mend it, where the document shows more than the rule's own remedy says."""
