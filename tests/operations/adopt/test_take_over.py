"""Taking over does only what was reported, and a repeated run ends the same wherever the first one broke off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from operations.adopt import judging, report
from operations.adopt.map_file import Map
from operations.adopt.matching import Matcher
from operations.adopt.program_digest import program_digest
from operations.adopt.rehearsal import rehearse
from operations.adopt.report import Report
from operations.adopt.take_over import require_as_reported, take_over
from stackfiles.failures import BadConfiguration, Failure
from tests.operations.adopt.engine_double import BrokenOff, EngineDouble
from tests.operations.adopt.estates import ACCOUNT, REGION, entry, listing_of, planned, state

ROLE = "aws:iam/role:Role"
NAMES = ("platform", "prod")
COMPONENT = replace(planned("guarded:iam:Roles", "roles"), component=True)
PLAN = [COMPONENT, *(planned(ROLE, f"r{number}", name=f"prod-{number}", description="new") for number in range(6))]
DIFFERENCES = {PLAN[1].urn: {"op": "update", "before": {"description": "old"}}}
STATE = state(*(entry("aws_iam_role", f"r{number}", {"name": f"prod-{number}"}) for number in range(6)))
CALLS = ["export", "import", "judged preview"]


def stack() -> EngineDouble:
    return EngineDouble(PLAN, DIFFERENCES)


def made() -> Report:
    rehearsal = rehearse(stack(), Matcher(STATE, listing_of(STATE), Map(), ACCOUNT, REGION, False))
    rows = judging.rows(rehearsal, STATE, "prod")
    return report.make(NAMES, (STATE.lineage, STATE.serial), "digest", rows, rehearsal)


def test_everything_reported_is_imported_and_a_second_run_has_nothing_to_do() -> None:
    engine = stack()
    assert take_over(made(), engine) == 6
    assert engine.calls == CALLS
    assert take_over(made(), engine) == 0
    assert engine.calls == [*CALLS, "export", "judged preview"]


@pytest.mark.parametrize("number", range(1, len(CALLS) + 1))
@pytest.mark.parametrize("moment", ["before", "between", "after"])
def test_a_run_that_broke_off_can_be_repeated_to_the_same_end(number: int, moment: str) -> None:
    engine, whole = stack(), stack()
    take_over(made(), whole)
    engine.break_at = (number, moment)
    if moment != "between" or CALLS[number - 1] == "import":
        with pytest.raises(BrokenOff):
            take_over(made(), engine)
    engine.break_at = (0, "")
    take_over(made(), engine)
    assert engine.imported == whole.imported
    assert len(engine.imported) == len(PLAN)


def test_a_preview_that_differs_from_the_rehearsal_is_reported_step_by_step() -> None:
    engine = stack()
    engine.differences = {PLAN[2].urn: {"op": "replace", "before": {"path": "/"}}}
    with pytest.raises(Failure) as failed:
        take_over(made(), engine)
    assert str(failed.value).splitlines()[1:] == [
        "  r0 (aws:iam:Role): rehearsed update (description), now same",
        "  r1 (aws:iam:Role): rehearsed same, now replace (path)",
    ]


def test_a_stack_with_other_resources_is_left_alone() -> None:
    other = planned(ROLE, "somebody-elses", name="prod-other")
    engine = EngineDouble([*PLAN, other], DIFFERENCES, imported={other.urn: {}})
    with pytest.raises(BadConfiguration, match=r"somebody-elses \(aws:iam:Role\); accepted: an empty stack"):
        take_over(made(), engine)
    assert engine.calls == ["export"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"serial": 4}, "its serial is 3, the report's 4; pause whatever applies Terraform's code"),
        ({"lineage": "another"}, "has the lineage `a-lineage`; accepted: `another`"),
        ({"program": "other"}, "have changed since then: make a new report"),
        ({"stack": "dev"}, "it is about platform/dev; accepted: platform/prod"),
        ({"violations": [{"level": "mandatory"}]}, "something in it blocks the adoption"),
    ],
)
def test_a_report_that_no_longer_applies_is_refused(changed: dict[str, object], said: str) -> None:
    require_as_reported(made(), NAMES, STATE, "digest")
    with pytest.raises(BadConfiguration) as refused:
        require_as_reported(replace(made(), **changed), NAMES, STATE, "digest")  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_digest_covers_the_files_that_a_plan_depends_on(tmp_path: Path) -> None:
    for file in (
        "__main__.py",
        "Pulumi.yaml",
        "Pulumi.prod.yaml",
        "Pulumi.dev.yaml",
        "policies/config/naming.prod.json",
        "docs/a.txt",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x")
    before = program_digest(tmp_path, "prod")
    for file, counts in (
        ("__main__.py", True),
        ("policies/config/naming.prod.json", True),
        ("Pulumi.prod.yaml", True),
        ("Pulumi.dev.yaml", False),
        ("docs/a.txt", False),
        ("report.md", False),
    ):
        (tmp_path / file).write_text("y")
        after = program_digest(tmp_path, "prod")
        assert (after != before) is counts, file
        before = after
