"""The whole stack on provider code that nobody here wrote: made once, left alone, changed, destroyed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.planning import plan_of
from tests.upstream.deployment import Upstream, missing, upstream

pytestmark = [pytest.mark.engine, pytest.mark.upstream, pytest.mark.skipif(bool(missing()), reason=missing())]

STACK = "prod"
READS = ("aws:secretsmanager/getSecretVersion:getSecretVersion", "aws:secretsmanager/getSecret:getSecret")


def types(stack: str) -> list[str]:
    return sorted({*READS, *(step.type for step in plan_of(stack).steps if step.type.startswith("aws:"))})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """A stack that is up, on an account that was empty before."""
    with upstream(tmp_path_factory.mktemp("upstream"), STACK, types(STACK)) as stack:
        outcome = stack.up()
        assert stack.refused(outcome) == []
        yield stack


def test_the_first_gated_up_makes_every_resource_once(made: Upstream) -> None:
    planned = [step.type for step in plan_of(STACK).steps if step.type.startswith("aws:")]
    assert sorted(made.changes()) == sorted(("Create", type_) for type_ in planned)


def test_a_second_up_changes_nothing(made: Upstream) -> None:
    before = len(made.calls())
    outcome = made.up()
    assert made.refused(outcome, before) == []
    assert made.changes(before) == []
