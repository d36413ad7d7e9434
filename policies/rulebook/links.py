"""How the resources of a stack lead to each other.

The engine says which resources a property's value comes from, even while the value itself isn't known. A value that the
program writes as a literal leads to no resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import TypeAlias

from policies.rulebook.resource import Resource, Stack, Unjudgeable
from policies.rulebook.rule import Finding, Judgement

LinkCheck: TypeAlias = Callable[[Stack, Resource, Judgement], Iterable[str]]
"""Judges one resource by its place in the stack; yields the messages of its findings."""


def for_each(types: frozenset[str]) -> Callable[[LinkCheck], Callable[[Stack, Judgement], Iterator[Finding]]]:
    """Turn a check of one resource into a check of the stack that judges each resource of some types.

    A resource that can't be judged gets a finding, and the others are still judged.
    """

    def decorate(check: LinkCheck) -> Callable[[Stack, Judgement], Iterator[Finding]]:
        @wraps(check)
        def whole(stack: Stack, judgement: Judgement) -> Iterator[Finding]:
            for resource in stack.only(types):
                try:
                    for message in check(stack, resource, judgement):
                        yield Finding(message, resource.urn)
                except Unjudgeable as unjudgeable:
                    yield Finding(f"{unjudgeable}.", resource.urn)

        return whole

    return decorate


def sources(stack: Stack, resource: Resource, path: str, types: frozenset[str]) -> list[Resource]:
    """Return the resources of some types that a property's value comes from."""
    urns = resource.references.get(path, frozenset())
    return [other for other in stack.only(types) if other.urn in urns]


def users(stack: Stack, source: Resource, path: str, types: frozenset[str]) -> list[Resource]:
    """Return the resources of some types whose property takes its value from a resource."""
    return [user for user in stack.only(types) if source.urn in user.references.get(path, frozenset())]


def named_sources(stack: Stack, resource: Resource, path: str, types: frozenset[str]) -> list[Resource]:
    """Return the resources of some types that a property names: by name, by ARN, or by taking its value from them.

    A value that the program gives as a name may be an ARN in the state of an existing resource.
    """
    given = resource.get(path)
    named = [
        other
        for other in stack.only(types)
        if isinstance(given, str) and given in (other.get("name"), other.get("arn"))
    ]
    return named or sources(stack, resource, path, types)
