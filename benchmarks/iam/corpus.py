"""All documents of the comparison: those of the corpus and, by `labels.yaml`, those of packages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from benchmarks.iam import packages
from corpus.families import InvalidCorpus, Json, read
from corpus.labelled import AUTHORIZATION_REFERENCE, Labelled, classes, independent, own


def load(archives: Path | None) -> list[Labelled]:
    """Return all documents: the project's own and, if `archives` is given, those of packages.

    Raises:
        InvalidCorpus: a file breaks the format, or a labelled document isn't in its package.
    """
    documents = list(own())
    if archives is not None:
        documents += of_packages(archives)
    documents += independent()
    if twice := [key for key, times in Counter(document.key for document in documents).items() if times > 1]:
        raise InvalidCorpus(f"keys used twice: {', '.join(sorted(twice))}")
    return documents


def of_packages(archives: Path) -> Iterator[Labelled]:
    """Yield the labelled documents of packages.

    `archives` holds the packages' files, as `environments.archives` downloads them.

    Raises:
        InvalidCorpus: a labelled document isn't in its package.
    """
    labels = read(Path(__file__).with_name("labels.yaml"))
    found = {name: packages.documents(archives, name) for name in labels["test_documents"]}
    for package, entries in labels["test_documents"].items():
        for entry in entries:
            document = found[package].get(entry["sha256"])
            if document is None:
                raise InvalidCorpus(f"{package} has no document {entry['sha256']}")
            yield _foreign(f"{package}/{entry['sha256']}", package, entry, document)
    managed = packages.managed_policies(archives)
    for entry in labels["managed_policies"]:
        if entry["name"] not in managed:
            raise InvalidCorpus(f"there is no AWS managed policy {entry['name']} in the package")
        yield _foreign(f"managed/{entry['name']}", "managed", {"kind": "identity", **entry}, managed[entry["name"]])


def _foreign(key: str, origin: str, entry: Mapping[str, Json], document: Json) -> Labelled:
    fault = entry.get("class", "")
    if (entry["label"] == "block") != bool(fault) or (fault and fault not in classes()):
        raise InvalidCorpus(f"{key}: the label block needs a known class, the label allow must have none")
    return Labelled(
        key,
        entry["kind"],
        origin,
        entry["label"],
        fault,
        entry["reason"],
        entry.get("source") or (classes()[fault]["source"] if fault else AUTHORIZATION_REFERENCE),
        document,
        entry.get("of", ""),
    )


def write(documents: Iterable[Labelled], path: Path) -> None:
    """Write documents as a JSON list in the form that the judges read."""
    path.write_text(json.dumps([document.as_json() for document in documents]), encoding="utf-8")
