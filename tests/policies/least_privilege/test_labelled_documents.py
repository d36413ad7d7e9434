"""The project's own labelled documents, those of the benchmark: every flawed one is flagged and no tight one is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.iam import corpus
from benchmarks.iam.comparison import JUDGES, PACK


@pytest.mark.parametrize("account_is_known", [True, False])
def test_every_label_is_met(tmp_path: Path, account_is_known: bool) -> None:
    documents = [document.as_json() for document in corpus.own()]
    given, taken = tmp_path / "documents.json", tmp_path / "verdicts.json"
    given.write_text(json.dumps([one if account_is_known else one | {"account": ""} for one in documents]))
    subprocess.run([sys.executable, JUDGES / PACK.program, given, taken, PACK.mode], check=True)
    verdicts = json.loads(taken.read_text())["verdicts"]
    assert not [key for key, verdict in verdicts.items() if verdict["error"]]
    wrong = [one["key"] for one in documents if bool(verdicts[one["key"]]["findings"]) != (one["label"] == "block")]
    assert wrong == []


def test_every_flaw_changes_its_document_and_has_a_reason() -> None:
    documents = {document.key: document for document in corpus.own()}
    assert len(documents) > 300
    for document in documents.values():
        assert document.reason, document.key
        assert document.source.startswith("https://"), document.key
        if document.twin:
            assert document.document != documents[document.twin].document, document.key
