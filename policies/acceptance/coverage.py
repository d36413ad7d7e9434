"""Which properties of a plan's resources are checked, by which source, and why others aren't."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import yaml

from policies.acceptance import knowledge
from policies.acceptance.knowledge import Accepted
from policies.acceptance.refused import described, source
from policies.rulebook import Json

_PROVIDERS: Final = ("aws:", "cloudflare:")
_FREE: Final = ("text", "integer", "number")
"""Kinds that restrict nearly nothing by themselves."""

Resources = Iterable[tuple[str, Mapping[str, Any]]]
"""Type and inputs of each resource of a plan."""


@cache
def _reasons() -> Mapping[str, Mapping[str, str]]:
    reasons: dict[str, dict[str, str]] = yaml.safe_load(knowledge.PATCHES.read_text(encoding="utf-8"))["reasons"]
    return reasons


def uncovered(resources: Resources) -> list[str]:
    """Return the type and path of each value that isn't checked, and for which no reason is written."""
    found = {
        f"{type_} {path}".strip()
        for type_, path, accepted in _paths(resources)
        if accepted is None or (_free(accepted) and path not in _reasons().get(type_, {}))
    }
    return sorted(found)


def table(resources: Resources) -> str:
    """Return Markdown with a table for each type: each path that is set, the accepted values, and their source."""
    rows: dict[str, dict[str, tuple[str, str]]] = {}
    for type_, path, accepted in _paths(resources):
        if path and accepted and accepted.limited:
            rows.setdefault(type_, {})[path] = (described(accepted, around="`"), _linked(source(type_, accepted)))
        elif path and accepted and _free(accepted):
            rows.setdefault(type_, {})[path] = ("any", _reasons().get(type_, {}).get(path, ""))
    return "\n".join(f"## {type_}\n\n{_table(paths)}" for type_, paths in sorted(rows.items()))


def _linked(named_source: str) -> str:
    return f"[page]({named_source})" if named_source.startswith("https://") else named_source


def _table(paths: Mapping[str, tuple[str, str]]) -> str:
    heading = [("property", "accepted", "source, or why nothing is checked"), ("---",) * 3]
    lines = [(f"`{path}`", *cells) for path, cells in sorted(paths.items())]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in [*heading, *lines]
    )


def summary() -> str:
    """Return Markdown that says how many types the index has, and where it comes from."""
    tokens = [token for name in knowledge.modules() for token in _types(name)]
    modelled = [token for token in tokens if any(knowledge.held_against(token))]
    heading = knowledge.provenance()
    sources = ", ".join(f"{name} {one['version']}" for name, one in heading["sources"].items() if "version" in one)
    return (
        f"The index has {len(tokens):,} resource types, {len(modelled):,} of them with an AWS model, and "
        f"{heading['patterns']:,} patterns. {heading['refused']} more patterns don't mean the same in Python, and "
        f"{heading['dangerous']} could take exponential time; these aren't used. It was compiled on "
        f"{heading['compiled']} from {sources}.\n"
    )


def _types(name: str) -> Sequence[str]:
    found = knowledge.module(name)
    return tuple(found.types) if found else ()


def _free(accepted: Accepted) -> bool:
    return accepted.kind in _FREE and not accepted.limited


def _paths(resources: Resources) -> Iterator[tuple[str, str, Accepted | None]]:
    for type_, inputs in resources:
        if type_.startswith(_PROVIDERS):
            for path, accepted in _below(knowledge.accepted(type_), inputs, ""):
                yield type_, path, accepted


def _below(accepted: Accepted | None, value: Json, path: str) -> Iterator[tuple[str, Accepted | None]]:
    yield path, accepted
    if accepted is None:
        return
    if isinstance(value, Mapping) and accepted.kind == "object":
        for key, item in value.items():
            yield from _below(accepted.member(key), item, f"{path}.{key}" if path else key)
    elif isinstance(value, Mapping) and accepted.kind == "map":
        for item in value.values():
            yield f"{path}.key", accepted.key()
            yield from _below(accepted.element(), item, f"{path}.*")
    elif isinstance(value, list) and accepted.kind == "list":
        for item in value:
            yield from _below(accepted.element(), item, f"{path}.*")
