"""Everything that the pack lets pass is accepted by botocore's request validation and by Terraform's AWS provider.

Both check the planted twins (`benchmarks.acceptance` asks the provider) and the program's own plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
import yaml
from botocore.validate import ParamValidator

from policies.acceptance import knowledge
from policies.acceptance.knowledge.models import Api
from tests.policies.acceptance.api_requests import request
from tests.policies.acceptance.planted import at_paths, faults, resources
from tests.policies.acceptance.terraform import Terraform, missing
from tests.raw_plan import Variant, raw_plan
from tests.upstream.terraform_types import NEWER_VALUES, RENAMED
from tests.workloads import LAB

TARGETS: Final = "aws:lb/targetGroup:TargetGroup"


PLANS: Final = {
    "prod": Variant(),
    "dev": Variant(stack="dev"),
    "options": Variant(
        settings=tuple(
            (key, "true") for key in ("onlyCloudflareViewers", "manageZoneSettings", "openPrefectMachineApi")
        ),
        previous_header_secret="b2" * 32,
    ),
}
"""The program's plans; the last one has every option that adds a resource or a property."""


@pytest.mark.parametrize("type_", [type_ for type_ in resources() if type_.startswith("aws:")])
def test_botocore_accepts_what_the_pack_accepts(type_: str) -> None:
    """A request may lack what the provider adds (a token, a reference); everything in it must be valid."""
    if not knowledge.held_against(type_)[0]:
        pytest.skip(f"no API operation creates {type_} with the properties of the resource")
    for inputs in [resources()[type_], *(fault.twin for fault in faults() if fault.type == type_)]:
        assert _problems(type_, inputs) == []


LATER: Final = {"aws_rds_cluster.autoMinorVersionUpgrade"}
"""Terraform's type and argument that came with a later version than 5.100."""


@pytest.mark.parametrize("plan", PLANS)
def test_botocore_accepts_the_program(plan: str) -> None:
    steps = [step for step in raw_plan(PLANS[plan]) if step.type.startswith("aws:")]
    asked = [step for step in steps if knowledge.held_against(step.type)[0]]
    assert len(asked) > 0.9 * len(steps)
    assert {step.urn: problems for step in asked if (problems := _problems(step.type, step.inputs))} == {}


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_terraform_accepts_the_program(tmp_path: Path) -> None:
    """This asks version 5 of the provider, which has neither `region` nor the newest values (`NEWER_VALUES`)."""
    planned = {
        f"{plan}-{number}": (step.type, _older(step.type, step.inputs))
        for plan, variant in {**PLANS, LAB: Variant(stack=LAB)}.items()
        for number, step in enumerate(raw_plan(variant))
        if step.type.startswith("aws:")
    }
    terraform = Terraform(tmp_path)
    assert [token for token, _ in planned.values() if not terraform.kind(token)] == []
    assert terraform.refused(planned) == {}
    assert {path for path in terraform.left_out if not path.endswith(".region")} == LATER
    # The provider really checks: the same inputs with a fault are refused.
    label, (type_, inputs) = next(item for item in planned.items() if item[1][0] == TARGETS)
    assert label in terraform.refused({**planned, label: (type_, at_paths(inputs, {"healthCheck.interval": 4}))})


def _older(type_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs under the provider's names, with values of `NEWER_VALUES` in their older form."""
    names = RENAMED.get(type_, {})
    older = at_paths(inputs, {path: older for path, (_, older) in NEWER_VALUES.get(type_, {}).items()})
    return {names.get(key, key): value for key, value in older.items()}


@cache
def _model(api: str) -> Any:  # noqa: ANN401 - botocore has no types for it
    return boto3.client(api, region_name="eu-central-1").meta.service_model  # type: ignore[call-overload]


@cache
def _aliases() -> Mapping[str, Mapping[str, str]]:
    aliases: dict[str, dict[str, str]] = yaml.safe_load(knowledge.PATCHES.read_text(encoding="utf-8"))["aliases"]
    return aliases


def _problems(type_: str, inputs: Mapping[str, Any]) -> list[str]:
    """Return botocore's complaints about the request that creates a resource, except those about missing parameters."""
    api, _, name = knowledge.held_against(type_)[0].partition(" ")
    model = _model(api)
    read = Api(api, _document(model)).input(name)
    assert read
    made = request(type_, inputs, read, _aliases().get(type_, {}))
    assert made
    report = ParamValidator().validate(made, model.operation_model(name).input_shape).generate_report()
    return [line for line in report.splitlines() if "Missing required parameter" not in line]


def _document(model: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore has no types for it
    return {"shapes": model._shape_resolver._shape_map, "operations": model._service_description["operations"]}
