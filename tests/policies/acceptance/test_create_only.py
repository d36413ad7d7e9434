"""The table of inputs whose change creates a new resource: its sources, and that it covers the program."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from policies.acceptance.knowledge import create_only as compiler
from rehearsal.reports.create_only import create_only
from tests.planning import plan_of

OLDEST = dt.timedelta(days=180)


def test_the_recorded_sources_are_the_installed_ones() -> None:
    heading, *_ = compiler.INDEX.read_text(encoding="utf-8").splitlines()
    assert json.loads(heading)["sources"] == compiler.provenance_now(), f"run python -m {compiler.__name__}"


@pytest.mark.nightly
def test_the_table_equals_its_sources() -> None:
    """Runs at night; on each change, the test above checks the versions of the installed sources."""
    heading, *lines = compiler.INDEX.read_text(encoding="utf-8").splitlines()
    compiled_on = dt.date.fromisoformat(json.loads(heading)["compiled"])
    assert [heading, *lines, ""] == compiler.compile_index(compiled_on).split("\n"), (
        f"run python -m {compiler.__name__}"
    )


@pytest.mark.nightly
def test_the_table_is_not_old() -> None:
    heading, *_ = compiler.INDEX.read_text(encoding="utf-8").splitlines()
    compiled_on = dt.date.fromisoformat(json.loads(heading)["compiled"])
    assert dt.datetime.now(dt.UTC).date() - compiled_on < OLDEST, "compile it again, with newer sources"


def test_it_has_every_type_of_the_program() -> None:
    planned = {step.type for stack in ("prod", "dev") for step in plan_of(stack).steps}
    made = {type_ for type_ in planned if type_.startswith(("aws:", "cloudflare:"))}
    assert {type_ for type_ in made if not create_only(type_)} == set()


def test_help_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = compiler.INDEX.stat().st_mtime_ns
    with pytest.raises(SystemExit):
        compiler.main(["--help"])
    assert "createOnlyProperties" in capsys.readouterr().out
    assert compiler.INDEX.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("type_", "replaces", "name", "used_by"),
    [
        # From the schemas alone, with patches, and for a type that the program doesn't have.
        ("aws:lb/targetGroup:TargetGroup", {"port", "protocol", "vpcId", "name"}, ["name"], "ListenerRule"),
        ("aws:s3/bucket:Bucket", {"bucket"}, ["bucket"], ""),
        ("aws:iam/rolePolicy:RolePolicy", {"name", "role"}, ["name", "role"], ""),
        ("aws:ec2/securityGroup:SecurityGroup", {"vpcId", "description"}, ["name", "vpcId"], "LoadBalancer"),
        ("aws:dynamodb/table:Table", {"name"}, ["name"], ""),
        ("aws:iam/role:Role", {"name", "path"}, ["name"], ""),
    ],
)
def test_the_table_has_the_facts_of_a_type(type_: str, replaces: set[str], name: list[str], used_by: str) -> None:
    known = create_only(type_)
    assert replaces <= set(known["replaces"])
    assert known["name"] == name
    assert used_by in "".join(known.get("used_by", ()))
    # Inputs that change in place every day don't create a new resource.
    assert not {"tags", "policy", "description"} & set(known["replaces"]) - replaces
