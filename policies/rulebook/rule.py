"""What a rule is: an id, a reason, a remedy, a source and a pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pulumi_policy import Severity

from policies.rulebook.resource import Json, Resource

__all__ = ["Finding", "Judgement", "Rule", "Scope", "Severity"]


@dataclass(frozen=True)
class Finding:
    """One violation.

    `message` says what is wrong with which value; it never holds a value that may be secret. `urn` is
    needed by stack rules only: the resource that the finding is about.
    """

    message: str
    urn: str = ""


class Scope(Enum):
    """How much of a stack a rule looks at."""

    RESOURCE = "resource"
    """One resource at a time, before the engine touches it."""
    STACK = "stack"
    """All resources together, at the end of the preview."""


@dataclass(frozen=True)
class Judgement:
    """What a rule may know beside the resource: the stack it belongs to and the rule's configuration."""

    project: str
    stack: str
    config: Mapping[str, Json]
    """The rule's configuration, each value of the type that its schema says, with the defaults of `Rule.config`
    for what isn't given; waivers are not part of it."""


ResourceCheck = Callable[[Resource, Judgement], Iterable[Finding]]
StackCheck = Callable[[Sequence[Resource], Judgement], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """One rule of a pack.

    `id` is stable, in kebab-case, and names the fault (`wildcard-action`). `types` are the resource types it
    judges; empty means all. `config` holds the JSON schema of each configuration key the rule takes; every
    key has a `default`. `check` gives the findings: a `ResourceCheck` for `Scope.RESOURCE`, a `StackCheck`
    for `Scope.STACK`. It may raise `Unjudgeable`, which becomes a violation of this rule and ends it: what was
    found before counts, what comes after isn't judged, so a stack rule catches it for each resource.
    """

    id: str
    title: str
    remedy: str
    source: str
    severity: Severity
    check: Callable[..., Iterable[Finding]]
    scope: Scope = Scope.RESOURCE
    types: frozenset[str] = frozenset()
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
