"""Labelled documents: the project's own, and those that were written without sight of the pack.

`documents/independent.jsonl` holds the latter in rounds. Each round was judged before the pack was changed for it, and
the file keeps that first verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from corpus.families import DOCUMENTS, Family, InvalidCorpus, Json, families, policy, read

LABELS: Final = ("allow", "block")
INDEPENDENT: Final = "independent"
"""The origin of the documents that were written without sight of the pack."""
AUTHORIZATION_REFERENCE: Final = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html"
)
_THEIR_ACCOUNT: Final = "123456789012"
_BUNDLES: Final = "bundle.yaml"


@dataclass(frozen=True)
class Labelled:
    """One document, or the documents of one role, with the deserved verdict and its reason."""

    key: str
    kind: str
    """identity, trust, resource or bundle."""
    origin: str
    """`own`, `independent`, or the package it comes from; `managed` for AWS managed policies."""
    label: str
    """allow or block."""
    fault: str
    """Class of the flaw (`documents/classes.yaml`); empty for documents that should pass."""
    reason: str
    source: str
    """The AWS page on which the label is based."""
    document: Json = None
    """The policy document; None for a bundle."""
    on: str = ""
    """The resource of a resource policy, one of `families.SERVICES`."""
    twin: str = ""
    """For a flawed document: key of the tight one, from which it differs by one change."""
    policies: list[Json] = field(default_factory=list)
    """Documents of a bundle."""
    managed: list[str] = field(default_factory=list)
    """ARNs of the AWS managed policies attached to the role of a bundle."""
    account: str = ""
    """The account that it's in, if its author says so; tools that accept an account get it."""
    first: str = ""
    """The pack's verdict (allow or block) when an independent document was new."""
    deviation: str = ""
    """Why the pack's verdict differs from the label of an independent document; empty if they agree."""

    def as_json(self) -> dict[str, Json]:
        """Return the document as the judges read it."""
        return dict(vars(self))


@cache
def classes() -> Mapping[str, Mapping[str, str]]:
    """Return the classes of fault: id -> title and source."""
    found: Mapping[str, Mapping[str, str]] = read(DOCUMENTS / "classes.yaml")
    return found


@cache
def own() -> Sequence[Labelled]:
    """Return the project's own documents; every flawed one follows its tight twin.

    Raises:
        InvalidCorpus: a file breaks the format.
    """
    return tuple(_own())


def _own() -> Iterator[Labelled]:
    for file in sorted((DOCUMENTS / "labelled").glob("*.yaml")):
        if file.name == _BUNDLES:
            content = read(file)
            for entry in content["documents"]:
                yield _bundle(entry, content["account"])
        else:
            for family in families(file):
                yield from _family_documents(family)


@cache
def independent() -> Sequence[Labelled]:
    """Return the documents that were written without sight of the pack."""
    return tuple(_independent())


def _independent() -> Iterator[Labelled]:
    for line in (DOCUMENTS / "independent.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        round_ = f"independent-{entry['round']}"
        yield Labelled(
            f"{round_}/{entry['id']}",
            entry["kind"],
            INDEPENDENT,
            entry["label"],
            entry.get("fault", ""),
            entry["reason"],
            entry.get("source", AUTHORIZATION_REFERENCE),
            entry.get("document"),
            entry.get("on", ""),
            twin=f"{round_}/{entry['twin']}" if "twin" in entry else "",
            policies=entry.get("policies", []),
            account=entry.get("account", _THEIR_ACCOUNT),
            first=entry["first"],
            deviation=entry.get("deviation", ""),
        )


def _family_documents(family: Family) -> Iterator[Labelled]:
    key = f"{family.kind}/{family.id}"
    yield Labelled(
        key,
        family.kind,
        "own",
        "allow",
        "",
        family.reason,
        family.source,
        policy(family.statements),
        family.service,
        account=family.account,
    )
    for flaw in family.flaws:
        if flaw.fault not in classes():
            raise InvalidCorpus(f"{key}: there is no class `{flaw.fault}`")
        yield Labelled(
            f"{key}+{flaw.id}",
            family.kind,
            "own",
            "block",
            flaw.fault,
            flaw.reason,
            flaw.source or classes()[flaw.fault]["source"],
            policy(flaw.statements),
            family.service,
            twin=key,
            account=family.account,
        )


def _bundle(entry: Mapping[str, Json], account: str) -> Labelled:
    fault = entry.get("class", "")
    return Labelled(
        f"bundle/{entry['id']}",
        "bundle",
        "own",
        entry["label"],
        fault,
        entry["reason"],
        entry.get("source") or classes()[fault]["source"],
        policies=[policy(statements) for statements in entry["policies"]],
        managed=list(entry.get("managed", [])),
        account=account,
    )
