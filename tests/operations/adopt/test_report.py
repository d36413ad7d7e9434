"""The report: a verdict on each resource with its cause and ways out, for people and for programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from operations.adopt import judging, report
from operations.adopt.map_file import Map
from operations.adopt.matching import Matcher
from operations.adopt.rehearsal import rehearse
from operations.adopt.report import Report
from operations.adopt.resources import PlannedResource, PropertyChange, TerraformState, Told, Verdict
from stackfiles.failures import BadConfiguration
from stackfiles.json_type import Json
from stackfiles.plan_document import Violation
from tests.operations.adopt.engine_double import EngineDouble
from tests.operations.adopt.estates import ACCOUNT, REGION, ListedAccount, entry, listing_of, planned, state

ROLE = "aws:iam/role:Role"
SECRET = "aws:secretsmanager/secret:Secret"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
RULE = "aws:lb/listenerRule:ListenerRule"
PARAMETER = "aws:ssm/parameter:Parameter"

LISTENER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/1"
HOSTS: Json = [{"hostHeader": {"values": ["portal.x.com"]}}]
PLAN: dict[str, PlannedResource] = {
    one.name: one
    for one in (
        planned(ROLE, "same", name="prod-same"),
        planned(ROLE, "replaced", name="prod-replaced", path="/platform/prod/"),
        planned(ROLE, "replaced-too", name="prod-replaced-too", path="/platform/prod/"),
        planned(ROLE, "in-place", name="prod-in-place", description="new"),
        planned(ROLE, "tags", name="prod-tags", tags={"ManagedBy": "pulumi"}, tagsAll={}),
        planned(ROLE, "missing", name="prod-missing"),
        planned(SECRET, "state-only", name="prod/a", recoveryWindowInDays=30),
        planned(SECRET, "collides", name="prod/b"),
        planned(PARAMETER, "ambiguous", name="/prod/a"),
        planned(BUCKET, "created", bucket="prod-new"),
        planned(BUCKET, "filled-in", bucket="prod-filled-in", forceDestroy=False),
        planned(BUCKET_POLICY, "overwrites", bucket="prod-old", policy="new"),
        planned(RULE, "secret", listenerArn=LISTENER, priority=1, conditions=HOSTS, actions="[secret]"),
    )
}
DIFFERENCES: dict[str, dict[str, Any]] = {
    PLAN[name].urn: {"op": op, "before": before}
    for name, op, before in (
        ("replaced", "replace", {"path": "/"}),
        ("replaced-too", "replace", {"path": "/"}),
        ("in-place", "update", {"description": "old"}),
        ("tags", "update", {"tags": {"ManagedBy": "terraform"}, "tagsAll": {}}),
        ("filled-in", "update", {"forceDestroy": False}),
        ("state-only", "update", {"recoveryWindowInDays": None}),
        ("overwrites", "update", {"policy": "old"}),
        ("secret", "update", {"actions": "[secret]"}),
    )
}


def secret_arn(name: str) -> str:
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AAAAAA"


def terraform() -> TerraformState:
    roles = ("same", "replaced", "replaced-too", "in-place", "tags", "missing")
    return state(
        *(entry("aws_iam_role", name, {"name": f"prod-{name}"}, module="module.iam") for name in roles),
        entry("aws_secretsmanager_secret", "a", {"arn": secret_arn("prod/a"), "name": "prod/a"}),
        entry("aws_secretsmanager_secret_version", "a", {"secret_id": secret_arn("prod/a"), "secret_string": "canary"}),
        entry("aws_secretsmanager_secret_version", "other", {"secret_id": "arn:other", "secret_string": "canary"}),
        entry("aws_ssm_parameter", "a", {"name": "/prod/a"}),
        entry("aws_s3_bucket", "filled-in", {"bucket": "prod-filled-in"}),
        entry(
            "aws_lb_listener_rule",
            "portal",
            {
                "arn": "arn:rule",
                "priority": 1,
                "listener_arn": LISTENER,
                "condition": [{"host_header": [{"values": ["portal.x.com"]}]}],
            },
        ),
        entry("aws_ecs_service", "api", {"name": "api"}, dependencies=["module.iam.aws_iam_role.same", "aws_vpc.main"]),
        entry("aws_vpc", "main", {"id": "vpc-1"}),
    )


def made(violations: tuple[Violation, ...] = ()) -> Report:
    """The report on an estate that has one of everything."""
    read = terraform()
    listed = listing_of(read)
    live = ListedAccount(
        {
            **listed.listed,
            ROLE: [one for one in listed.listed[ROLE] if one["name"] != ("prod-missing",)],
            SECRET: [*listed.listed[SECRET], {"arn": (secret_arn("prod/b"),), "name": ("prod/b",)}],
            BUCKET_POLICY: [{"bucket": ("prod-old",)}],
        }
    )
    plan = [*PLAN.values(), planned(PARAMETER, "ambiguous-too", name="/prod/a")]
    engine = EngineDouble(plan, DIFFERENCES, violations)
    rehearsal = rehearse(engine, Matcher(read, live, Map(), ACCOUNT, REGION, False))
    rows = judging.rows(rehearsal, read, "prod")
    return report.make(("platform", "prod"), (read.lineage, read.serial), "digest", rows, rehearsal)


def test_each_resource_has_its_verdict() -> None:
    found = {row.resource.rpartition("::")[2]: row.verdict for row in made().rows}
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


def test_each_stop_has_a_cause_and_ways_out_and_nothing_else_stops() -> None:
    report_ = made()
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


def test_what_the_provider_says_differs_though_no_input_does_is_not_told_as_a_secret() -> None:
    report_ = made()
    rows = {row.resource.rpartition("::")[2]: row for row in report_.rows}
    assert [change.path for change in rows["tags"].changes] == ["tags.ManagedBy"]
    assert rows["filled-in"].changes == (PropertyChange("forceDestroy", told=Told.FILLED_IN),)
    assert "forceDestroy: filled in by the provider" in report.markdown(report_)


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


def test_a_secret_is_imported_as_one_without_its_value() -> None:
    rows = {row["logicalName"]: row for row in made().imports.values()}
    marker = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": "null"}
    assert rows["secret"]["inputs"] == {"actions": marker}
    assert "inputs" not in rows["same"]
    assert {"missing", "collides", "ambiguous", "created"}.isdisjoint(rows)


def test_the_summary_fits_a_screen_and_the_table_has_a_row_for_each(tmp_path: Path) -> None:
    report_ = made()
    console = Console(width=160, record=True, file=(tmp_path / "out").open("w"))
    console.print(report.table(report_))
    printed = console.export_text()
    for name in PLAN:
        assert re.search(rf"\b{name} \(", printed), name
    summary = report.markdown(report_).partition("\n| ")[0].splitlines()
    assert len(summary) < 40
    assert "2 replaced; 1 collides; 2 ambiguous; 1 missing; 1 overwrites; 2 changes in place" in summary[2]
    # Alike stops are told once.
    assert sum("can't be changed in place" in line for line in summary) == 1
    assert "actions: a secret that isn't shown" in printed


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    report_ = made()
    file.write_text(report_.document())
    assert Report.load(file) == report_
    assert json.loads(file.read_text())["clean"] is False
    for text in ("", "[]", "{}", '{"version": 1}', report_.document().replace('"replaced"', '"fine"')):
        file.write_text(text)
        with pytest.raises(BadConfiguration, match="accepted: what `adopt --report FILE` wrote"):
            Report.load(file)
