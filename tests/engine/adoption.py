"""The stand-ins' account as if Terraform had created it: Terraform's state, and what a listing finds there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from operations.adopt import terraform_state
from operations.adopt.kinds import KINDS, Listing
from operations.adopt.resources import TerraformResource, Values
from tests.engine.account import Account, Resource

LINEAGE: Final = "3f6f7c9a-0000-4000-8000-000000000001"

_RENAMED: Final = {"conditions": "condition", "actions": "action", "origins": "origin"}
"""Inputs with another name in Terraform's provider."""


def state_document(resources: Iterable[Resource], serial: int = 7) -> str:
    """Return what `terraform state pull` would write for some resources, including values of secrets."""
    entries = [
        {
            "module": "module.platform",
            "mode": "managed",
            "type": next(iter(KINDS[resource.type].terraform)),
            "name": re.sub(r"\W", "_", resource.urn.split("::", 3)[3]),
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [{"schema_version": 0, "attributes": _attributes(resource), "dependencies": []}],
        }
        for resource in resources
        if resource.type in KINDS
    ]
    return json.dumps(
        {
            "version": 4,
            "terraform_version": "1.11.4",
            "serial": serial,
            "lineage": LINEAGE,
            "outputs": {},
            "resources": entries,
        }
    )


def _attributes(resource: Resource) -> dict[str, Any]:
    attributes: dict[str, Any] = _snake(resource.properties)
    if resource.type.startswith("aws:vpc/"):
        attributes["security_group_rule_id"] = resource.id
    if resource.type.startswith("aws:wafv2/"):
        attributes["id"] = resource.id.rpartition("/")[2]
    return attributes


def _snake(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value with Terraform's names; a nested object becomes a list with one block."""
    if isinstance(value, list):
        return [_snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {
        _RENAMED.get(key, re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", key)): item
        for key, item in value.items()
    }
    return {
        key: [_snake(item)] if isinstance(item, dict) and "tags" not in key else _snake(item)
        for key, item in named.items()
    }


class StandInAccount:
    """Lists the stand-ins' account as AWS and Cloudflare would (`operations.adopt.live.Live`)."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def find(self, listing: Listing, terms: Values, region: str) -> Sequence[Values]:
        """Return everything of the listing's type."""
        types = [type_ for type_, kind in KINDS.items() if kind.listing == listing]
        found = [resource for resource in self._account if resource.type in types]
        read = terraform_state.read(state_document(found), "the account")
        return [resource.attributes for resource in read.resources]


def address(resource: Resource) -> str:
    """Return Terraform's address of a resource."""
    (read,) = terraform_state.read(state_document([resource]), "one resource").resources
    assert isinstance(read, TerraformResource)
    return read.address
