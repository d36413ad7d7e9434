"""Tight documents and their flawed twins, from the YAML files of `documents/`. `README.md` describes the format."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

Json: TypeAlias = Any

DOCUMENTS: Final = Path(__file__).with_name("documents")
KINDS: Final = ("identity", "trust", "resource")
SERVICES: Final = ("s3", "kms", "secretsmanager", "sqs", "sns", "ecr", "lambda", "other")
"""The kinds of resource of a resource policy. Only tools that accept any resource judge `other` documents."""


class InvalidCorpus(Exception):
    """A document or a label that can't be used; the text names it."""


@dataclass(frozen=True)
class Flaw:
    """One change that turns a tight document into a flawed one."""

    id: str
    """Unique within its family in `labelled/`; empty in `rules.yaml`."""
    reason: str
    fault: str
    """Class of the flaw (`classes.yaml`); empty in `rules.yaml`."""
    rules: tuple[str, ...]
    """Rules of the least-privilege pack that must report it; empty in `labelled/`."""
    source: str
    """The AWS page that says so; empty if the page of its class does."""
    statements: Json
    """All statements of the flawed document."""


@dataclass(frozen=True)
class Family:
    """A tight document and its twins, each with exactly one flaw."""

    id: str
    """Empty in `rules.yaml`."""
    kind: str
    """One of `KINDS`."""
    service: str
    """The resource of a resource policy, one of `SERVICES`; empty for other kinds."""
    account: str
    reason: str
    """Why the document is tight."""
    source: str
    """The AWS page on which the label is based."""
    statements: Json
    flaws: tuple[Flaw, ...]


def families(file: Path) -> Iterator[Family]:
    """Yield the families of a file, in its order.

    Raises:
        InvalidCorpus: an entry breaks the format.
    """
    content = read(file)
    defaults = {key: value for key, value in content.items() if key != "documents"}
    for number, entry in enumerate(content["documents"]):
        yield _family(f"{file.name}, document {number}", {**defaults, **entry})


def _family(place: str, entry: Mapping[str, Json]) -> Family:
    service = entry.get("of", "")
    if entry.get("kind") not in KINDS:
        raise InvalidCorpus(f"{place}: `kind` must be one of {', '.join(KINDS)}")
    if (service in SERVICES) != (entry["kind"] == "resource"):
        raise InvalidCorpus(f"{place}: `of` must be one of {', '.join(SERVICES)} for a resource policy only")
    return Family(
        entry.get("id", ""),
        entry["kind"],
        service,
        entry["account"],
        entry.get("tight", ""),
        entry.get("source", ""),
        entry["statements"],
        tuple(_flaw(place, entry["statements"], flaw) for flaw in entry["flaws"]),
    )


def _flaw(place: str, statements: Json, flaw: Mapping[str, Json]) -> Flaw:
    rules = flaw.get("rule", [])
    changed = _changed(f"{place}, flaw `{flaw['reason']}`", statements, flaw)
    return Flaw(
        flaw.get("id", ""),
        flaw["reason"],
        flaw.get("class", ""),
        tuple([rules] if isinstance(rules, str) else rules),
        flaw.get("source", ""),
        changed,
    )


def _changed(place: str, statements: Json, flaw: Mapping[str, Json]) -> Json:
    changed = copy.deepcopy(statements)
    for path in flaw.get("remove", []):
        parent, last = _parent(changed, path)
        if last not in parent:
            raise InvalidCorpus(f"{place}: there is no {path} to remove")
        del parent[last]
    for path, value in flaw.get("change", {}).items():
        parent, last = _parent(changed, path)
        if isinstance(parent, list) and last == len(parent):
            parent.append(None)
        parent[last] = copy.deepcopy(value)
    if "add" in flaw:
        changed.append(copy.deepcopy(flaw["add"]))
    if changed == statements:
        raise InvalidCorpus(f"{place}: the flaw changes nothing")
    return changed


def _parent(statements: Json, path: str | int) -> tuple[Json, Json]:
    steps: list[Json] = [int(step) if step.isdecimal() else step for step in str(path).split("/")]
    for step in steps[:-1]:
        statements = statements[step]
    return statements, steps[-1]


def policy(statements: Json) -> Json:
    """Return the document with these statements."""
    return {"Version": "2012-10-17", "Statement": statements}


def read(file: Path) -> Json:
    """Return the content of a YAML file, read with libyaml if it is installed, which takes a tenth of the time."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(file.read_text(encoding="utf-8"), loader)  # noqa: S506 - both loaders are safe
