"""The generated pages say what the code says."""

from __future__ import annotations

import pytest

from docs.generate import FOLDER, pages


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return pages()


def test_no_page_is_stale(generated: dict[str, str]) -> None:
    stale = [name for name, text in generated.items() if _written(name) != text]
    assert not stale, "run `make docs` and commit what it changes"


def test_pages_are_about_production_without_any_account(generated: dict[str, str]) -> None:
    assert "prod/kinde/client-secret" in generated["secrets-and-parameters.md"]
    assert "123456789012" not in "".join(generated.values())


def _written(name: str) -> str:
    page = FOLDER / name
    return page.read_text() if page.exists() else ""
