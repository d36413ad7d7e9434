"""Careless edits of resources in the program's own plan: each is stopped by its rule, and the plan itself passes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from corpus.families import read
from stackfiles.project import load
from tests.owner import owned
from tests.planning import document_of
from tests.policies.acceptance.planted import at_paths, written
from tests.policies.analyzer import PROJECT as PACKS_PROJECT
from tests.policies.analyzer import Judge, Planned, StartPack, Violation
from tests.raw_plan import Variant, raw_plan

ROWS: Final[list[dict[str, Any]]] = read(Path(__file__).with_name("breakages.yaml"))
PROVIDERS: Final = ("aws:", "cloudflare:")
OPTIONS: Final = tuple(
    (key, "true") for key in ("onlyCloudflareViewers", "manageZoneSettings", "openPrefectMachineApi")
)


def _planned(stack: str) -> list[Planned]:
    """Return the resources of a stack's plan; types that only an option creates come from a plan with the options."""
    region = {"region": load(owned(), stack).config["aws:region"]}
    resources = [
        Planned(
            state["type"],
            state.get("inputs", {}),
            state["urn"].rpartition("::")[2],
            provider=region if state["type"].startswith("aws:") else {},
            references=_references(state.get("propertyDependencies") or {}),
        )
        for step in document_of(stack)["steps"]
        if (state := step["newState"])["type"].startswith(PROVIDERS)
    ]
    known = {resource.type for resource in resources}
    options = raw_plan(Variant(stack=stack, settings=OPTIONS))
    return resources + [
        Planned(step.type, step.inputs, step.name, references=_references(step.references))
        for step in options
        if step.type.startswith(PROVIDERS) and step.type not in known
    ]


def _references(properties: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the URNs behind each property, in the form of this test's resources: without the types of parents."""
    return {
        key: [f"{before}::{types.rpartition('$')[2]}::{name}" for before, types, name in map(_parts, urns)]
        for key, urns in properties.items()
        if urns
    }


def _parts(urn: str) -> tuple[str, str, str]:
    stack, _, types, name = urn.split("::", 3)
    return f"{stack}::{PACKS_PROJECT}", types, name


def _broken(resources: list[Planned], row: Mapping[str, Any]) -> tuple[Planned, list[Planned]]:
    """Return the resource that a row changes or adds, and the whole stack with it."""
    found = next(one for one in resources if one.type == row["type"] and row.get("at", "") in f"{one.type}::{one.name}")
    name = f"{found.name}-copy" if row.get("copy") else found.name
    changed = dataclasses.replace(
        found,
        name=name,
        properties=at_paths(found.properties, written(row["set"])),
        # A value from the row comes from no other resource.
        references={key: urns for key, urns in found.references.items() if key not in row["set"]},
    )
    return changed, [changed if one is found and not row.get("copy") else one for one in resources] + (
        [changed] if row.get("copy") else []
    )


def _alone(judge: Judge, resource: Planned) -> list[Violation]:
    return judge.resource(resource.type, resource.properties, resource.name, provider=resource.provider)


@pytest.fixture(scope="module")
def judge(pack: StartPack) -> Judge:
    return pack("acceptance")


@pytest.fixture(scope="module")
def resources() -> list[Planned]:
    return _planned("prod")


def test_every_edit_is_stopped_by_its_rule(judge: Judge, resources: list[Planned]) -> None:
    missed = {}
    for row in ROWS:
        changed, stack = _broken(resources, row)
        violations = _alone(judge, changed)
        if not _stopped_as_expected(violations, row):
            violations += judge.stack_of(stack)
        if not _stopped_as_expected(violations, row):
            missed[f"{row['type']} {row['set']}"] = [(one.rule, one.message) for one in violations]
    assert missed == {}


def _stopped_as_expected(violations: list[Violation], row: Mapping[str, Any]) -> bool:
    stopped = [one for one in violations if one.rule == row["rule"] and one.level == "mandatory"]
    return any(row["told"] in one.message for one in stopped)


def test_every_type_has_edits(resources: list[Planned]) -> None:
    assert {row["type"] for row in ROWS} == {resource.type for resource in resources}
    assert len(ROWS) >= 60


@pytest.mark.parametrize("stack", ["prod", "dev"])
def test_the_plan_itself_passes(judge: Judge, pack: StartPack, stack: str) -> None:
    own = judge if stack == "prod" else pack("acceptance", stack=stack)
    planned = _planned(stack)
    assert own.stack_of(planned) == []
    assert [violation for resource in planned for violation in _alone(own, resource)] == []
