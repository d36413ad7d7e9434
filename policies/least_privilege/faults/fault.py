"""A fault: one thing that is wrong with a document. Its texts are built when they're read, since verdicts need none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from policies.least_privilege.faults.remedies import NAME_ACTIONS
from policies.least_privilege.faults.wording import quote, shorten, spell
from policies.least_privilege.language.documents import Kind, Statement
from policies.rulebook.rule import Text, written


class RuleId(StrEnum):
    """The rules about single documents. Each has a row in `rules.documents`."""

    __hash__ = str.__hash__  # members are compared as strings; Enum's own `__hash__` is slow, being Python

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


BROAD: Final = frozenset(
    (RuleId.WILDCARD_ACTION, RuleId.NOT_ACTION, RuleId.SERVICE_WILDCARD, RuleId.BROAD_ACTION_PATTERN)
)
"""Faults of actions that are allowed without being named. Naming those needed mends these faults and what follows."""


class Applies(Enum):
    """Who must be given access for it to be a fault."""

    __hash__ = object.__hash__  # members are compared by identity; Enum's own `__hash__` is slow, being Python

    ALWAYS = "anybody"
    TO_OTHER_ACCOUNTS = "an account other than the resource's own"
    TO_UNLISTED_PRINCIPALS = "a role or user of another account, where the configuration demands a list of accounts"


class Place(NamedTuple):
    """A statement that has a part in a fault."""

    statement: Statement
    actions: tuple[str, ...]
    """The actions of the statement that the fault is about, in lower case."""
    resources: tuple[str, ...]
    """The resources of the statement that the fault is about."""


@dataclass(eq=False)
class Part:
    """Something that a fault needs: once it's removed from all its places, the fault is gone."""

    find: Callable[[], Iterable[Place]]
    narrowable: bool = True
    """Whether it's enough to name other resources there. If not, actions must be left out or limited by a condition."""

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Its places, each statement once."""
        return merged(self.find())


@dataclass(eq=False)
class Fault:
    """A fault, before configuration and waivers. Messages quote names of the document, never a condition's value.

    Callers of a finder fill in what it leaves open: `parts`, `concerns`, `kind`, `roots`.
    """

    rule: RuleId
    words: Text
    """What is wrong, without its places."""
    about: str = ""
    """What the rule's configuration can allow by name: an account, a service or an issuer."""
    applies: Applies = Applies.ALWAYS
    parts: tuple[Part, ...] = ()
    """Where in the document it is; empty if the whole document is wrong. The remedy is about the first part."""
    mend: Text = ""
    """How to mend it, where the document shows more than the rule's own remedy says."""
    concerns: str = ""
    """The principal or condition key (in lower case) that is wrong, if it's one of these."""
    kind: Kind = Kind.IDENTITY
    """The kind of the document."""
    roots: Callable[[], Mapping[Fault, tuple[Fault, ...]]] = dict
    """Returns the faults that each fault of the document follows from; computed once for all of them."""

    @property
    def follows_from(self) -> tuple[Fault, ...]:
        """Other faults of the document: once all of them are mended, this one is gone."""
        return self.roots().get(self, ())

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Its places, each statement once."""
        return merged(place for part in self.parts for place in part.places)

    @cached_property
    def summary(self) -> str:
        """What is wrong, without its places."""
        return written(self.words)

    @cached_property
    def message(self) -> str:
        """What is wrong, with the action and the resource of each place, and its statement where `summary` has none."""
        places = self.places
        if not places:
            return self.summary
        if len(places) == 1 and places[0].statement.where in self.summary:
            return f"{self.summary} See {_contents(places[0], self.kind)}."
        shown = "; ".join(f"{place.statement.where}: {_contents(place, self.kind)}" for place in places[:_NAMED])
        more = f"; and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        return f"{self.summary} See {shown}{more}."

    @cached_property
    def remedy(self) -> str:
        """How to mend it; empty where the rule's own remedy says all."""
        if self.mend and any(root.rule in BROAD for root in self.follows_from):
            # An action that a pattern matches can't be left out by name.
            return NAME_ACTIONS
        return written(self.mend)


_NAMED: Final = 3
"""How many statements a message names."""


def merged(places: Iterable[Place]) -> tuple[Place, ...]:
    """Return each statement of several places once, with all actions and resources that the places name."""
    found: dict[str, Place] = {}
    for place in places:
        known = found.setdefault(place.statement.where, place)
        if known is not place:
            found[place.statement.where] = known._replace(
                actions=tuple(dict.fromkeys(known.actions + place.actions)),
                resources=tuple(dict.fromkeys(known.resources + place.resources)),
            )
    return tuple(found.values())


def _contents(place: Place, kind: Kind) -> str:
    statement = place.statement
    actions = _list("action", place.actions, spell, negated=statement.negated_actions)
    if kind is Kind.TRUST:
        return f"{actions}, the resource is the role"
    return f"{actions}, {_list('resource', place.resources, shorten, negated=statement.negated_resources)}"


def _list(noun: str, names: Sequence[str], spell: Callable[[str], str], *, negated: bool) -> str:
    plural = "s" if len(names) > 1 else ""
    shown = quote(map(spell, names), _NAMED) if names else "none"
    return f"{noun}{plural} {'all but ' if negated else ''}{shown}"
