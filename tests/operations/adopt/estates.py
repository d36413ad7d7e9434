"""Helpers for tests of adoption: planned resources, Terraform states, an account that lists given resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from operations.adopt import terraform_state
from operations.adopt.kinds import KINDS, Listing
from operations.adopt.live import Live
from operations.adopt.map_file import Map
from operations.adopt.matching import Matcher
from operations.adopt.resources import Match, PlannedResource, TerraformState, Values
from stackfiles.json_type import Json

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"


def planned(
    type_: str, logical_name: str, references: Mapping[str, PlannedResource] | None = None, /, **inputs: Json
) -> PlannedResource:
    """Return a planned resource; `references` maps an input to the resource whose output it takes."""
    urn = f"urn:pulumi:prod::platform::{type_}::{logical_name}"
    referred = {key: [other.urn] for key, other in (references or {}).items()}
    return PlannedResource(urn, type_, logical_name, inputs, references=referred)


def entry(type_: str, name: str, *instances: Mapping[str, Any], module: str = "", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return a resource of a state; `index_key` of an instance is its key of `for_each` or `count`."""
    return {
        **({"module": module} if module else {}),
        "mode": "managed",
        "type": type_,
        "name": name,
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": [
            {
                **({"index_key": instance["index_key"]} if "index_key" in instance else {}),
                "attributes": {key: value for key, value in instance.items() if key != "index_key"},
                **more,
            }
            for instance in instances
        ],
    }


def state_text(*entries: Mapping[str, Any], serial: int = 3) -> str:
    """Return a state as `terraform state pull` writes it."""
    return json.dumps(
        {
            "version": 4,
            "terraform_version": "1.11.4",
            "serial": serial,
            "lineage": "a-lineage",
            "outputs": {},
            "resources": entries,
        }
    )


def state(*entries: Mapping[str, Any]) -> TerraformState:
    """Return a state as the program reads it."""
    return terraform_state.read(state_text(*entries), "a test")


@dataclass
class ListedAccount:
    """Lists, by type, the attributes that it was given."""

    listed: Mapping[str, Sequence[Values]] = field(default_factory=dict)

    def find(self, listing: Listing, terms: Values, region: str) -> Sequence[Values]:
        """Return everything of the listing's type."""
        return [one for type_, found in self.listed.items() if KINDS[type_].listing == listing for one in found]


def listing_of(read: TerraformState) -> ListedAccount:
    """Return an account with exactly the resources of a state."""
    return ListedAccount(
        {
            type_: [resource.attributes for resource in read.resources if resource.type in kind.terraform]
            for type_, kind in KINDS.items()
        }
    )


def match(
    plan: Sequence[PlannedResource],
    read: TerraformState | None,
    live: Live | None = None,
    *,
    known: Map | None = None,
    lookup: bool = False,
) -> dict[str, Match]:
    """Return the matches, by the name of the planned resource."""
    live = live or (listing_of(read) if read else ListedAccount())
    matcher = Matcher(read, live, known or Map(), ACCOUNT, REGION, lookup)
    return {found.planned.name: found for found in matcher.match(plan, {}).values()}
