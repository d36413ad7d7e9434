"""The report gives each resource a verdict with its cause and ways out, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from operations.adopt import judging, report
from operations.adopt.map_file import Map
from operations.adopt.matching import Matcher
from operations.adopt.rehearsal import rehearse
from operations.adopt.report import Report
from operations.adopt.resources import PropertyChange, Told, Verdict
from stackfiles.failures import BadConfiguration
from stackfiles.plan_document import Violation
from tests.operations.adopt.engine_double import EngineDouble
from tests.operations.adopt.estates import ACCOUNT, REGION, entry, listing_of, state
from tests.operations.adopt.mixed_estate import LONG, PLAN, TAGS, mixed_report


def test_each_resource_has_its_verdict() -> None:
    found = {row.resource.rpartition("::")[2]: row.verdict for row in mixed_report().rows}
    assert found == {
        "same": Verdict.SAME,
        "replaced": Verdict.REPLACED,
        "replaced-too": Verdict.REPLACED,
        "in-place": Verdict.IN_PLACE,
        "tags": Verdict.TAGS,
        "missing": Verdict.MISSING,
        "state-only": Verdict.STATE_ONLY,
        "collides": Verdict.COLLIDES,
        "ambiguous": Verdict.AMBIGUOUS,
        "ambiguous-too": Verdict.AMBIGUOUS,
        "created": Verdict.CREATED,
        "filled-in": Verdict.STATE_ONLY,
        "overwrites": Verdict.OVERWRITES,
        "secret": Verdict.IN_PLACE,
        "aws_secretsmanager_secret_version.a": Verdict.FORGOTTEN,
        "aws_secretsmanager_secret_version.other": Verdict.STAYS,
        "aws_ssm_parameter.a": Verdict.STAYS,
        "aws_ecs_service.api": Verdict.STAYS_AND_REFERS,
        "aws_vpc.main": Verdict.STAYS,
        "module.iam.aws_iam_role.missing": Verdict.STAYS,
    }


def test_each_stop_has_a_cause_and_ways_out() -> None:
    report_ = mixed_report()
    assert not report_.clean
    stopping = {Verdict.REPLACED, Verdict.COLLIDES, Verdict.AMBIGUOUS, Verdict.MISSING}
    assert {row.verdict for row in report_.stops} == stopping
    for row in report_.rows:
        assert bool(row.cause and row.ways_out) == row.verdict.stops or row.verdict is Verdict.STAYS_AND_REFERS
    replaced = next(row for row in report_.stops if row.verdict is Verdict.REPLACED)
    assert "path of aws:iam/role:Role::replaced" in " ".join(replaced.ways_out)
    assert [(change.path, change.before, change.after) for change in replaced.changes] == [
        ("path", "/", "/platform/prod/")
    ]


def test_a_difference_without_changed_inputs_is_not_reported_as_a_secret() -> None:
    report_ = mixed_report()
    rows = {row.resource.rpartition("::")[2]: row for row in report_.rows}
    assert [change.path for change in rows["tags"].changes] == [f"tags.{tag}" for tag in TAGS]
    assert rows["filled-in"].changes == (PropertyChange("forceDestroy", told=Told.FILLED_IN),)
    assert "forceDestroy: filled in by the provider" in report.markdown(report_)


def test_long_values_are_shown_from_just_before_their_difference() -> None:
    (change,) = next(row for row in mixed_report().rows if row.verdict is Verdict.OVERWRITES).changes
    assert (change.before[-5:], change.after[-5:]) == (", old", ", new")
    assert change.before[0] == change.after[0] == "…"
    assert len(change.before) < len(LONG) / 2


def test_a_mandatory_violation_stops_it_and_an_advisory_one_does_not() -> None:
    said: Violation = {
        "pack": "naming",
        "policy": "misnamed",
        "level": "advisory",
        "severity": "",
        "urn": PLAN["same"].urn,
        "message": "No.",
        "sourcePosition": "",
    }
    engine = EngineDouble([PLAN["same"]], violations=[said])
    read = state(entry("aws_iam_role", "a", {"name": "prod-same"}))
    for level, clean in (("advisory", True), ("mandatory", False)):
        engine.imported, engine.violations = {}, [{**said, "level": level}]
        rehearsal = rehearse(engine, Matcher(read, listing_of(read), Map(), ACCOUNT, REGION, False))
        one = report.make(("p", "prod"), ("", 0), "", judging.rows(rehearsal, read, "prod"), rehearsal)
        assert one.clean is clean
        assert ("naming/misnamed" in report.markdown(one)) is not clean


def test_a_secret_is_imported_without_its_value() -> None:
    rows = {row["logicalName"]: row for row in mixed_report().imports.values()}
    marker = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": "null"}
    assert rows["secret"]["inputs"] == {"actions": marker}
    assert "inputs" not in rows["same"]
    assert {"missing", "collides", "ambiguous", "created"}.isdisjoint(rows)


def test_the_summary_fits_a_screen_and_the_table_has_a_row_for_each(tmp_path: Path) -> None:
    report_ = mixed_report()
    console = Console(width=160, record=True, file=(tmp_path / "out").open("w"))
    console.print(report.table(report_))
    printed = console.export_text()
    for name in PLAN:
        assert re.search(rf"\b{name} \(", printed), name
    summary = report.markdown(report_).partition("\n| ")[0].splitlines()
    assert len(summary) < 40
    assert "2 replaced; 1 collides; 2 ambiguous; 1 missing; 1 overwrites; 2 changes in place" in summary[2]
    # Stops with the same cause are reported once.
    assert sum("can't be changed in place" in line for line in summary) == 1
    assert "actions: a secret that isn't shown" in printed


def test_a_written_report_can_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    report_ = mixed_report()
    file.write_text(report_.document())
    assert Report.load(file) == report_
    assert json.loads(file.read_text())["clean"] is False
    for text in ("", "[]", "{}", '{"version": 1}', report_.document().replace('"replaced"', '"fine"')):
        file.write_text(text)
        with pytest.raises(BadConfiguration, match="accepted: a file that `adopt --report FILE` wrote"):
            Report.load(file)
