"""How the resources of a stack lead to each other.

The engine tells from which resources a property's value comes, also while the value itself isn't known. A value that
is written down instead of taken from the resource leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import TypeAlias

from policies.rulebook.resource import Resource, Stack, Unjudgeable
from policies.rulebook.rule import Finding, Judgement

LinkCheck: TypeAlias = Callable[[Stack, Resource, Judgement], Iterable[str]]
"""Judges one resource by its place in the stack; gives the messages of its findings."""


def for_each(types: frozenset[str]) -> Callable[[LinkCheck], Callable[[Stack, Judgement], Iterator[Finding]]]:
    """Make a check of one resource a check of the stack: each resource of some types is judged.

    What can't be judged about one resource is a finding about it, and the others are judged all the same.
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
    """Return the resources of some types that a property names: by name or ARN, or by what it takes from them.

    What is given as a name may come back as an ARN once the resource exists.
    """
    given = resource.get(path)
    named = [
        other
        for other in stack.only(types)
        if isinstance(given, str) and given in (other.get("name"), other.get("arn"))
    ]
    return named or sources(stack, resource, path, types)
