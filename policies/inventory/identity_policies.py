"""Reads the identity policies of a plan: the documents of roles and managed policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from policies.inventory.documents import listed, statements
from policies.inventory.roles import ROLE
from policies.rulebook import Json

TYPES: Final = frozenset(("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy", ROLE))


def allowing(inputs: Mapping[str, Json]) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Yield each statement that isn't a Deny, with its place. `unknown-document` reports other values."""
    for place, document in _documents(inputs):
        for index, statement in enumerate(statements(document)):
            if isinstance(statement, Mapping) and statement.get("Effect") != "Deny":
                yield f"{place}.Statement.{index}", statement


def _documents(inputs: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield each document, which is JSON text or a mapping, with its place."""
    yield "policy", inputs.get("policy")
    for index, inline in enumerate(listed(inputs.get("inlinePolicies"))):
        if isinstance(inline, Mapping):
            yield f"inlinePolicies.{index}.policy", inline.get("policy")
