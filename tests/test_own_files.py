"""Tests don't depend on who owns the clone: only those of its own stacks and pipeline read files that owners change.

`tests/operations/test_init.py` runs these in clones of other owners.
"""

from __future__ import annotations

import pytest

from tests.forks import PROJECT, forked


def reads(file: str) -> int:
    """Read a file of the repository, as a test may by mistake."""
    return len((PROJECT / file).read_text())


@pytest.mark.parametrize("file", ["Pulumi.prod.yaml", "policies/config/inventory.prod.json"])
def test_no_other_test_reads_the_repositorys_own_stack_files(file: str) -> None:
    with pytest.raises(AssertionError, match="which owners change"):
        reads(file)
    assert "which owners change" in forked(reads, file).err
