"""The labelled documents of the corpus: every flawed one is flagged and no tight one is."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from corpus import pack
from corpus.labelled import Labelled, independent, own


@pytest.fixture(scope="module")
def judge() -> pack.Judge:
    return pack.load()


def misjudged(judge: pack.Judge, documents: Iterable[Labelled], **changes: str) -> set[str]:
    """Return the keys of the documents whose verdict isn't their label."""
    return {
        document.key
        for document in documents
        if bool(pack.judged(judge, document, **changes)) != (document.label == "block")
    }


def test_every_label_is_met(judge: pack.Judge) -> None:
    assert misjudged(judge, own()) == set()


def test_every_label_is_met_where_the_account_is_unknown(judge: pack.Judge) -> None:
    assert misjudged(judge, own(), account="") == set()


def test_documents_of_others_get_their_label_unless_a_deviation_says_why_not(judge: pack.Judge) -> None:
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
