"""The labelled documents, from `documents/` and, by `labels.yaml`, from packages.

`documents/independent.jsonl` holds what was written and labelled without sight of the pack, in rounds; each was judged
before anything was changed for it, and that first verdict is kept with it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from benchmarks.iam import packages

Json: TypeAlias = Any

HERE: Final = Path(__file__).parent
LABELS: Final = ("allow", "block")
KINDS: Final = ("identity", "trust", "resource", "bundle")
ACCOUNT: Final = "111122223333"
"""The account of the project's own documents."""
INDEPENDENT: Final = "independent"
"""The origin of the documents that were written without sight of the pack."""
_THEIR_ACCOUNT: Final = "123456789012"
SERVICES: Final = ("s3", "kms", "secretsmanager", "sqs", "sns", "ecr", "lambda", "other")
"""What a resource policy can belong to. `other` is judged as a document only by tools that take any."""


@dataclass(frozen=True)
class Labelled:
    """One document, or the documents of one role, with the verdict it deserves and why."""

    key: str
    kind: str
    """identity, trust, resource or bundle."""
    origin: str
    """`own`, `independent`, or the package it comes from; `managed` for AWS managed policies."""
    label: str
    """allow or block."""
    fault: str
    """Class of the flaw (`documents/classes.yaml`); empty for documents that may pass."""
    reason: str
    source: str
    """The AWS page that the label rests on."""
    document: Json = None
    """The policy document; None for a bundle."""
    on: str = ""
    """What a resource policy belongs to, one of `SERVICES`."""
    twin: str = ""
    """For a flawed document: key of the tight one it differs from by one change."""
    policies: list[Json] = field(default_factory=list)
    """Documents of a bundle."""
    managed: list[str] = field(default_factory=list)
    """ARNs of the AWS managed policies attached to the role of a bundle."""
    account: str = ""
    """Number of the account that it's in, where its author says so; tools that take it are told."""
    first: str = ""
    """The pack's verdict (allow or block) when an independent document was new."""
    deviation: str = ""
    """Why the pack's verdict isn't the label of an independent document; empty where it is."""

    def as_json(self) -> dict[str, Json]:
        """Return the document as the judges read it."""
        return asdict(self)


class InvalidCorpus(Exception):
    """A document or a label that can't be used; the text names it."""


def load(archives: Path | None) -> list[Labelled]:
    """Return all documents: the project's own and, where `archives` is given, those of packages.

    Raises:
        InvalidCorpus: a file breaks the format, or a labelled document isn't in its package.
    """
    documents = list(own())
    if archives is not None:
        documents += of_packages(archives)
    documents += independent()
    keys = [document.key for document in documents]
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise InvalidCorpus(f"keys used twice: {', '.join(sorted(twice))}")
    return documents


def classes() -> dict[str, dict[str, str]]:
    """Return the classes of fault: id -> title and source."""
    classes: dict[str, dict[str, str]] = _read(HERE / "documents" / "classes.yaml")
    return classes


def own() -> Iterator[Labelled]:
    """Yield the project's own documents; every flawed one follows its tight twin."""
    known = classes()
    for path in sorted((HERE / "documents").glob("*.yaml")):
        if path.name == "classes.yaml":
            continue
        content = _read(path)
        read = _bundle if content["kind"] == "bundle" else _family
        for entry in content["documents"]:
            yield from read(content["kind"], entry, known)


def independent() -> Iterator[Labelled]:
    """Yield the documents that were written without sight of the pack."""
    for line in (HERE / "documents" / "independent.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        round_ = f"independent-{entry['round']}"
        yield Labelled(
            f"{round_}/{entry['id']}",
            entry["kind"],
            INDEPENDENT,
            entry["label"],
            entry.get("fault", ""),
            entry["reason"],
            _AUTHORIZATION_REFERENCE,
            entry.get("document"),
            entry.get("on", ""),
            twin=f"{round_}/{entry['twin']}" if "twin" in entry else "",
            policies=entry.get("policies", []),
            account=_THEIR_ACCOUNT,
            first=entry["first"],
            deviation=entry.get("deviation", ""),
        )


def _family(kind: str, entry: Mapping[str, Json], known: Mapping[str, Mapping[str, str]]) -> Iterator[Labelled]:
    key = f"{kind}/{entry['id']}"
    service = entry.get("of", "")
    if kind == "resource" and service not in SERVICES:
        raise InvalidCorpus(f"{key}: `of` must be one of {', '.join(SERVICES)}")
    yield Labelled(
        key,
        kind,
        "own",
        "allow",
        "",
        entry["tight"],
        entry["source"],
        _document(entry["statements"]),
        service,
        account=ACCOUNT,
    )
    for flaw in entry["flaws"]:
        if flaw["class"] not in known:
            raise InvalidCorpus(f"{key}: there is no class `{flaw['class']}`")
        yield Labelled(
            f"{key}+{flaw['id']}",
            kind,
            "own",
            "block",
            flaw["class"],
            flaw["reason"],
            flaw.get("source", known[flaw["class"]]["source"]),
            _document(changed(entry["statements"], flaw)),
            service,
            twin=key,
            account=ACCOUNT,
        )


def _bundle(kind: str, entry: Mapping[str, Json], known: Mapping[str, Mapping[str, str]]) -> Iterator[Labelled]:
    fault = entry.get("class", "")
    yield Labelled(
        f"{kind}/{entry['id']}",
        kind,
        "own",
        entry["label"],
        fault,
        entry["reason"],
        entry.get("source") or known[fault]["source"],
        policies=[_document(statements) for statements in entry["policies"]],
        managed=list(entry.get("managed", [])),
        account=ACCOUNT,
    )


def changed(statements: Json, flaw: Mapping[str, Json]) -> Json:
    """Return the statements with a flaw applied.

    `change` maps paths (`0/Condition/StringLike`) to new values, `remove` lists paths, `add` is one more statement.
    """
    statements = copy.deepcopy(statements)
    for path in flaw.get("remove", []):
        parent, last = _parent(statements, path)
        if last not in parent:
            raise InvalidCorpus(f"flaw {flaw['id']}: there is no {path} to remove")
        del parent[last]
    for path, value in flaw.get("change", {}).items():
        parent, last = _parent(statements, path)
        parent[last] = copy.deepcopy(value)
    if "add" in flaw:
        statements.append(copy.deepcopy(flaw["add"]))
    return statements


def _parent(statements: Json, path: str | int) -> tuple[Json, Json]:
    steps: list[Json] = [int(step) if step.isdecimal() else step for step in str(path).split("/")]
    for step in steps[:-1]:
        statements = statements[step]
    return statements, steps[-1]


def _document(statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": statements}


def of_packages(archives: Path) -> Iterator[Labelled]:
    """Yield the labelled documents of packages.

    `archives` holds the packages' files, as `packages.fetch` leaves them.

    Raises:
        InvalidCorpus: a labelled document isn't in its package.
    """
    labels = _read(HERE / "labels.yaml")
    known = classes()
    found = {name: packages.documents(archives, name) for name in labels["test_documents"]}
    for package, entries in labels["test_documents"].items():
        for entry in entries:
            document = found[package].get(entry["sha256"])
            if document is None:
                raise InvalidCorpus(f"{package} has no document {entry['sha256']}")
            yield _foreign(f"{package}/{entry['sha256']}", package, entry, document, known)
    managed = packages.managed_policies(archives)
    for entry in labels["managed_policies"]:
        if entry["name"] not in managed:
            raise InvalidCorpus(f"there is no AWS managed policy {entry['name']} in the package")
        yield _foreign(
            f"managed/{entry['name']}", "managed", {"kind": "identity", **entry}, managed[entry["name"]], known
        )


def _foreign(
    key: str, origin: str, entry: Mapping[str, Json], document: Json, known: Mapping[str, Mapping[str, str]]
) -> Labelled:
    fault = entry.get("class", "")
    if (entry["label"] == "block") != bool(fault) or (fault and fault not in known):
        raise InvalidCorpus(f"{key}: a block needs a known class, an allow none")
    return Labelled(
        key,
        entry["kind"],
        origin,
        entry["label"],
        fault,
        entry["reason"],
        entry.get("source") or (known[fault]["source"] if fault else _AUTHORIZATION_REFERENCE),
        document,
        entry.get("of", ""),
    )


_AUTHORIZATION_REFERENCE: Final = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/"
    "reference_policies_actions-resources-contextkeys.html"
)


def _read(path: Path) -> Json:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def write(documents: Iterable[Labelled], path: Path) -> None:
    """Write documents as the judges read them, in a JSON list."""
    path.write_text(json.dumps([document.as_json() for document in documents]), encoding="utf-8")
