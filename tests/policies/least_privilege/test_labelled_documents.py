"""The labelled documents of the corpus: every flawed one is flagged, and no tight one is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from corpus import pack
from corpus.labelled import Labelled, independent, own


@pytest.fixture(scope="module")
def judge() -> pack.Judge:
    return pack.load()


def misjudged(judge: pack.Judge, documents: Iterable[Labelled], **changes: str) -> set[str]:
    """Return the keys of the documents whose verdict differs from their label."""
    return {
        document.key
        for document in documents
        if bool(pack.judged(judge, document, **changes)) != (document.label == "block")
    }


def test_every_verdict_matches_its_label(judge: pack.Judge) -> None:
    assert misjudged(judge, own()) == set()


def test_every_verdict_matches_its_label_if_the_account_is_unknown(judge: pack.Judge) -> None:
    assert misjudged(judge, own(), account="") == set()


def test_verdicts_on_others_documents_differ_only_where_a_reason_is_given(judge: pack.Judge) -> None:
    documents = list(independent())
    assert len(documents) > 1000
    assert misjudged(judge, documents) == {document.key for document in documents if document.deviation}


def test_every_flaw_changes_its_document_and_has_a_reason() -> None:
    documents = {document.key: document for document in own()}
    assert len(documents) > 300
    for document in documents.values():
        assert document.reason, document.key
        assert document.source.startswith("https://"), document.key
        if document.twin:
            assert document.document != documents[document.twin].document, document.key
