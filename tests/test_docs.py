"""What the generated pages leave out; that they are current is said of the repository's own (test_own_stacks.py)."""

from __future__ import annotations

from generators.pages import pages
from stackfiles.project import stacks
from tests.owner import owned
from tests.planning import document_of


def test_the_tables_of_secrets_and_parameters_name_no_account() -> None:
    page = pages(owned(), {stack: document_of(stack) for stack in stacks(owned())})["secrets-and-parameters.md"]
    assert "prod/kinde/client-secret" in page
    assert "123456789012" not in page
