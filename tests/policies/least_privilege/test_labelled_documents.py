"""The project's own labelled documents, those of the benchmark: every flawed one is flagged and no tight one is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.iam import corpus
from benchmarks.iam.comparison import CHECKOUT, PACK


def judged(folder: Path, documents: list[dict[str, Any]]) -> dict[str, Any]:
    given, taken = folder / "documents.json", folder / "verdicts.json"
    given.write_text(json.dumps(documents))
    subprocess.run([sys.executable, "-m", PACK.module, given, taken, PACK.mode], check=True, cwd=CHECKOUT)
    verdicts: dict[str, Any] = json.loads(taken.read_text())["verdicts"]
    assert not [key for key, verdict in verdicts.items() if verdict["error"]]
    return verdicts


@pytest.mark.parametrize("account_is_known", [True, False])
def test_every_label_is_met(tmp_path: Path, account_is_known: bool) -> None:
    documents = [document.as_json() for document in corpus.own()]
    verdicts = judged(tmp_path, [one if account_is_known else one | {"account": ""} for one in documents])
    wrong = [one["key"] for one in documents if bool(verdicts[one["key"]]["findings"]) != (one["label"] == "block")]
    assert wrong == []


def test_what_others_wrote_is_judged_as_they_did_but_where_it_says_why_not(tmp_path: Path) -> None:
    documents = list(corpus.independent())
    assert len(documents) > 1000
    verdicts = judged(tmp_path, [document.as_json() for document in documents])
    wrong = {one.key for one in documents if bool(verdicts[one.key]["findings"]) != (one.label == "block")}
    assert wrong == {one.key for one in documents if one.deviation}


def test_every_flaw_changes_its_document_and_has_a_reason() -> None:
    documents = {document.key: document for document in corpus.own()}
    assert len(documents) > 300
    for document in documents.values():
        assert document.reason, document.key
        assert document.source.startswith("https://"), document.key
        if document.twin:
            assert document.document != documents[document.twin].document, document.key
