"""What a rule is: an id, a reason, a remedy, a source and a pure function."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, NotRequired, TypeAlias, TypedDict, TypeVar, Unpack

from policies.rulebook.resource import Resource, Stack


class Severity(Enum):
    """How bad a violation is, as the engine shows it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


Text: TypeAlias = str | Callable[[], str]
"""A text, or a function that builds it when somebody reads it."""


def written(text: Text) -> str:
    """Return a text, built now if it is given as a function."""
    return text if isinstance(text, str) else text()


class Finding(NamedTuple):
    """One thing that a rule finds wrong.

    `message` says what is wrong with which value; it never holds a value that may be secret. `urn` is
    needed by stack rules only: the resource that the finding is about.
    """

    message: Text
    urn: str = ""
    remedy: Text = ""
    """How to fix it, if the rule's own remedy doesn't fit."""
    foreign_agreement: bool = False
    """Whether it says that the owners' agreement belongs to another stack (`Rule.by_agreement`)."""
    fault: Hashable = None
    """Identifies the fault, if other findings about the resource can follow from it."""
    follows_from: Callable[[], Sequence[Hashable]] = tuple
    """Returns the faults that cause this finding: once all are fixed, it is gone. It causes none of them in turn."""


class Scope(Enum):
    """How much of a stack a rule looks at."""

    RESOURCE = "resource"
    """One resource at a time, before the engine touches it."""
    STACK = "stack"
    """All resources together, at the end of the preview."""


@dataclass(frozen=True)
class Judgement:
    """What a rule may know besides the resource: the stack that it belongs to and the rule's configuration."""

    project: str
    stack: str
    config: Mapping[str, Any]
    """The rule's configuration. Each value has the type that its schema says; keys that aren't given have the defaults
    of `Rule.config`. Waivers are not part of it."""
    preview: bool = False
    """Whether this is a preview. In an update, the engine creates each resource right after it was judged."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The stack's configuration: key (without the project's name) -> text. Secrets are left out."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """The values of the stack's secrets, each a `SecretText`. A rule may compare them but must not show them."""

    @property
    def account(self) -> str:
        """The account that AWS's default provider is bound to; empty unless `aws:allowedAccountIds` has exactly one."""
        try:
            accounts = json.loads(self.settings.get("aws:allowedAccountIds", ""))
        except ValueError:
            return ""
        return accounts[0] if isinstance(accounts, list) and [type(one) for one in accounts] == [str] else ""

    @property
    def region(self) -> str:
        """The region of AWS's default provider; empty where the stack's configuration doesn't say."""
        return self.settings.get("aws:region", "")


Check: TypeAlias = Callable[[Any, Judgement], Iterable[Finding]]
"""A `ResourceCheck` or a `StackCheck`, depending on the rule's scope."""
ResourceCheck: TypeAlias = Callable[[Resource, Judgement], Iterable[Finding]]
StackCheck: TypeAlias = Callable[[Stack, Judgement], Iterable[Finding]]

FoundBy: TypeAlias = Callable[[Resource], Collection[str]]
"""An analysis that rules share; it returns the ids of the rules that have something to say about a resource."""

Schemas: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Configuration key of a rule -> its JSON schema, which has a `default`."""


@dataclass(frozen=True)
class Rule:
    """One rule of a pack.

    `id` is stable, in kebab-case, and names the fault (`wildcard-action`). `types` are the resource types it
    judges; empty means all. `config` holds the JSON schema of each configuration key the rule takes; every
    key has a `default`. `check` gives the findings: a `ResourceCheck` for `Scope.RESOURCE`, a `StackCheck`
    for `Scope.STACK`, which gets the resources of the rule's types. It may raise `Unjudgeable`, which becomes a
    violation of this rule and ends its check: earlier findings count, and nothing after that is judged. So a
    stack rule catches it for each resource.

    `by_agreement` says that the rule compares a stack with what its owners agreed to. Once a mandatory finding with
    `foreign_agreement` says that the agreement belongs to another stack, the rule is silent: the plan is stopped
    anyway, and the rule's findings would only follow from that and name the wrong remedy.

    `found_by` is the analysis that the rule shares with others; a rule that it doesn't name isn't asked.

    An update asks stack rules after everything was created. A stack rule with an `early` check is also asked before:
    that check gets the resources that were judged so far, the last of which is about to be created.
    """

    id: str
    title: str
    remedy: str
    source: str
    severity: Severity
    check: Check
    scope: Scope = Scope.RESOURCE
    types: frozenset[str] = frozenset()
    config: Schemas = field(default_factory=dict)
    early: StackCheck | None = None
    found_by: FoundBy | None = None
    by_agreement: bool = False


class Description(TypedDict):
    """The fields of `Rule` that its decorator takes besides the id."""

    title: str
    remedy: str
    source: str
    severity: Severity
    types: NotRequired[frozenset[str]]
    config: NotRequired[Schemas]


_Resource = TypeVar("_Resource", bound=ResourceCheck)
_Stack = TypeVar("_Stack", bound=StackCheck)


class Rules(list[Rule]):
    """The rules of a module, in their order. A decorator on a check adds it as a rule and describes that.

    >>> RULES = Rules()
    >>> @RULES.resource("open-door", title="Doors are shut.", remedy="Shut it.", source="", severity=Severity.LOW)
    ... def _open(door: Resource, judgement: Judgement) -> Iterable[Finding]:
    ...     return [] if door.flag("shut", default=False) else [Finding("It is open.")]
    >>> [rule.id for rule in RULES]
    ['open-door']
    """

    def resource(self, id_: str, **said: Unpack[Description]) -> Callable[[_Resource], _Resource]:
        """Add the decorated check as a rule about one resource at a time."""

        def add(check: _Resource) -> _Resource:
            self.append(Rule(id_, check=check, **said))
            return check

        return add

    def stack(self, id_: str, **said: Unpack[Description]) -> Callable[[_Stack], _Stack]:
        """Add the decorated check as a rule about a whole stack."""

        def add(check: _Stack) -> _Stack:
            self.append(Rule(id_, check=check, scope=Scope.STACK, **said))
            return check

        return add
