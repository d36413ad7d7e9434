"""The generated pages say what the code says."""

from __future__ import annotations

import pytest

from generators.pages import FOLDER, STACKS, pages
from tests.planning import document_of


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return pages({stack: document_of(stack) for stack in STACKS})


def test_no_page_is_stale(generated: dict[str, str]) -> None:
    stale = [name for name, text in generated.items() if _written(name) != text]
    assert not stale, "run `make docs` and commit what it changes"


def test_the_tables_of_secrets_and_parameters_name_no_account(generated: dict[str, str]) -> None:
    page = generated["secrets-and-parameters.md"]
    assert "prod/kinde/client-secret" in page
    assert "123456789012" not in page


def _written(name: str) -> str:
    page = FOLDER / name
    return page.read_text() if page.exists() else ""
