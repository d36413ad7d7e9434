"""How a provider answers a preview with the inputs that it was given, where it doesn't repeat them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stackfiles.json_type import Json
from stackfiles.plan_document import UNKNOWN

UNKNOWN_AS_A_WHOLE: Final[Mapping[str, frozenset[str]]] = {
    "aws:acm/certificateValidation:CertificateValidation": frozenset({"validationRecordFqdns"}),
    "aws:alb/loadBalancer:LoadBalancer": frozenset({"securityGroups"}),
    "aws:lb/loadBalancer:LoadBalancer": frozenset({"securityGroups"}),
}
"""Type -> inputs that the provider answers as one unknown when any part of them is unknown.

Both are sets in the Terraform AWS provider, which plans a set with an unknown element so. tests/upstream shows it on
the provider's own code.
"""


def planned(type_: str, inputs: Mapping[str, Json]) -> dict[str, Json]:
    """Return inputs as stack rules see them in a preview: the provider's answer instead of what the program gave."""
    wholes = UNKNOWN_AS_A_WHOLE.get(type_, frozenset())
    return {name: UNKNOWN if name in wholes and _has_unknown(value) else value for name, value in inputs.items()}


def _has_unknown(value: Json) -> bool:
    if isinstance(value, dict):
        return any(map(_has_unknown, value.values()))
    return any(map(_has_unknown, value)) if isinstance(value, list) else value == UNKNOWN
