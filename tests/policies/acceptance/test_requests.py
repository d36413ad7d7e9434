"""What passes the pack is accepted by botocore's own validation of requests, as far as that looks."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
import yaml
from botocore.validate import ParamValidator

from policies.acceptance import knowledge
from policies.acceptance.knowledge.models import Api
from tests.policies.acceptance.api_requests import request
from tests.policies.acceptance.planted import faults, resources


@pytest.mark.parametrize("type_", [type_ for type_ in resources() if type_.startswith("aws:")])
def test_botocore_takes_what_the_pack_takes(type_: str) -> None:
    """A request may lack what the provider adds (a token, a reference); whatever it has is right."""
    operation, _ = knowledge.held_against(type_)
    if not operation:
        pytest.skip(f"no operation of an API makes {type_} with the properties of the resource")
    api, _, name = operation.partition(" ")
    model = boto3.client(api, region_name="eu-central-1").meta.service_model  # type: ignore[call-overload]
    shape = model.operation_model(name).input_shape
    read = Api(api, _document(model)).input(name)
    assert read
    aliases = yaml.safe_load(knowledge.PATCHES.read_text(encoding="utf-8"))["aliases"].get(type_, {})
    for inputs in [resources()[type_], *(fault.twin for fault in faults() if fault.type == type_)]:
        made = request(type_, inputs, read, aliases)
        assert made
        report = ParamValidator().validate(made, shape).generate_report()
        assert [line for line in report.splitlines() if "Missing required parameter" not in line] == []


def _document(model: Any) -> dict[str, Any]:  # noqa: ANN401 - botocore has no types for it
    return {"shapes": model._shape_resolver._shape_map, "operations": model._service_description["operations"]}
