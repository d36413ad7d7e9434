"""What pages must and must not contain; test_own_stacks.py checks that generated pages are current."""

from __future__ import annotations

import re

from generators.pages import pages
from stackfiles.project import stacks
from tests.owner import owned
from tests.planning import PROJECT, document_of


def test_the_tables_of_secrets_and_parameters_name_no_account() -> None:
    page = pages(owned(), {stack: document_of(stack) for stack in stacks(owned())})["secrets-and-parameters.md"]
    assert "prod/kinde/client-secret" in page
    assert "123456789012" not in page


def test_every_stack_output_is_described() -> None:
    exported = re.findall(r'^pulumi\.export\("(\w+)"', (PROJECT / "__main__.py").read_text(), re.MULTILINE)
    described = re.findall(r"^\| `(\w+)` \|", (PROJECT / "docs" / "outputs.md").read_text(), re.MULTILINE)
    assert described == exported
    assert exported
