"""The index: its sources, its patterns, and that it covers the program."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from policies.acceptance import coverage, knowledge
from policies.acceptance.knowledge import __main__ as compiler
from policies.acceptance.knowledge.backtracking import dangerous
from policies.acceptance.knowledge.expressions import Refused, compiled, translated
from tests.planning import plan_of
from tests.raw_plan import Variant, raw_plan
from tests.workloads import LAB

OLDEST = dt.timedelta(days=180)


def test_the_recorded_sources_are_the_installed_ones() -> None:
    assert knowledge.provenance()["sources"] == compiler.provenance_now(), "run python -m policies.acceptance.knowledge"


@pytest.mark.nightly
def test_the_index_equals_its_sources() -> None:
    """Runs at night; on each change, the test above checks the versions of the installed sources."""
    text, _ = compiler.compile_index(dt.datetime.now(dt.UTC).date())
    assert text.splitlines()[1:] == knowledge.INDEX.read_text(encoding="utf-8").splitlines()[1:]


@pytest.mark.nightly
def test_the_index_is_not_old() -> None:
    compiled_on = dt.date.fromisoformat(knowledge.provenance()["compiled"])
    assert dt.datetime.now(dt.UTC).date() - compiled_on < OLDEST, "compile it again, with newer sources"


def test_help_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = knowledge.INDEX.stat().st_mtime_ns
    with pytest.raises(SystemExit):
        compiler.main(["--help"])
    assert "--refused" in capsys.readouterr().out
    assert knowledge.INDEX.stat().st_mtime_ns == before


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.nightly)], ids=["every fifth", "all"])
def test_every_pattern_can_be_read_and_is_harmless(step: int) -> None:
    """The compiler leaves out patterns that Python can't read or that could take too long."""
    patterns = {
        pattern
        for name in knowledge.modules()
        if (found := knowledge.module(name))
        for number in range(found.size)
        for pattern in found.node(number).patterns
    }
    assert len(patterns) > 1300
    for pattern in sorted(patterns)[::step]:
        assert compiled(pattern, everything=r"\p" in pattern.lower())
        assert not dangerous(pattern), pattern


@pytest.mark.parametrize(
    ("java", "accepts", "refuses"),
    [
        (r"[\w+=,.@-]+", "a+b", "a b"),
        (r"^\p{L}+$", "é", "1"),
        (r"[\p{L}\p{N}_-]*", "x-1", "x!"),
        (r"^\P{L}+$", "1-", "é"),
        (r"^a$", "a", "a\n"),
        (r"^(?<name>x)$", "x", "y"),
        (r"[\uD800\uDC00-\uDBFF\uDFFF]", "\U0001f600", "a"),
        (r"^\w+$", "abc", "é"),
        (r"^(?i)abc$", "ABC", "abd"),
        (r"^[^\p{C}]*$", "text", "a\x00"),
    ],
)
def test_a_translated_pattern_accepts_and_refuses_as_before(java: str, accepts: str, refuses: str) -> None:
    pattern = translated(java, ecma=False)

    def matches(text: str) -> bool:
        return bool(compiled(pattern, everything=not text.isascii()).fullmatch(text))

    assert matches(accepts)
    assert not matches(refuses)


@pytest.mark.parametrize("java", [r"[a-z&&[^b]]", r"[a[bc]]", r"\p{IsHan}", r"\Qa\E", r"\uD800", r"[\w-z]", r"a**"])
def test_patterns_that_python_reads_differently_are_refused(java: str) -> None:
    with pytest.raises(Refused):
        translated(java, ecma=False)


@pytest.mark.parametrize("expression", [r"(a+)+\Z", r"([a-z]+)*x", r"(a|a)*b", r"^(.*[\n ]?)*\Z", r"([a-z]+-?)*\Z"])
def test_exponential_patterns_are_dangerous(expression: str) -> None:
    assert dangerous(expression)


@pytest.mark.parametrize(
    "expression", [r"([a-z]+\.)+[a-z]+", r"(/[^/]+)*", r"[a-z]+[0-9]*", r"(a|b)+", r"((?!-)[a-z-]{0,62}[a-z]\.)+x"]
)
def test_other_patterns_are_not_dangerous(expression: str) -> None:
    assert not dangerous(expression)
    assert re.compile(expression)


def test_everything_that_the_program_sets_is_covered() -> None:
    options = tuple((key, "true") for key in ("onlyCloudflareViewers", "manageZoneSettings", "openPrefectMachineApi"))
    planned = [
        *((step.type, step.inputs) for stack in ("prod", "dev", LAB) for step in plan_of(stack).steps),
        *((step.type, step.inputs) for step in raw_plan(Variant(settings=options))),
    ]
    assert coverage.uncovered(planned) == []
    assert coverage.table(planned).count("\n") > 200


def test_uncovered_properties_are_reported() -> None:
    assert coverage.uncovered([("aws:iam/role:Role", {"nmae": "x"})]) == ["aws:iam/role:Role nmae"]
    assert coverage.uncovered([("aws:new/thing:Thing", {})]) == ["aws:new/thing:Thing"]


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_the_program_passes_the_acceptance_pack(stack: str) -> None:
    assert [violation for violation in plan_of(stack).violations if violation["pack"] == "acceptance"] == []
