"""The header that proves to the load balancer that a request comes through CloudFront."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.entry_points.kinds import LISTENER_RULE
from policies.rulebook import Judgement, Resource

HEADER: Final[Mapping[str, Mapping[str, Any]]] = {
    "header": {
        "type": "string",
        "description": "Name of the header that carries the secret between CloudFront and the load balancer",
        "default": "X-Origin-Verify",
    }
}
"""Schema of the configuration that every rule about the header takes."""

_STRONG: Final = re.compile(r"[0-9a-z]{32,128}")
"""A header condition ignores case, takes * and ? for wildcards and holds 128 characters
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html)."""


def accepted_paths(rule: Resource, judgement: Judgement) -> Iterator[str]:
    """Yield the path of the list of accepted values, for each condition of a listener rule on the header."""
    for index, _ in enumerate(rule.items("conditions")):
        path = f"conditions.{index}.httpHeader"
        if rule.get(path) is not None and _is_the_header(rule.text(f"{path}.httpHeaderName"), judgement):
            yield f"{path}.values"


def sent_paths(distribution: Resource, origin: int, judgement: Judgement) -> Iterator[str]:
    """Yield the path of each value of the header that a distribution sends to one of its origins."""
    headers = f"origins.{origin}.customHeaders"
    for index, _ in enumerate(distribution.items(headers)):
        if _is_the_header(distribution.text(f"{headers}.{index}.name"), judgement):
            yield f"{headers}.{index}.value"


def value_paths(resource: Resource, judgement: Judgement) -> Iterator[str]:
    """Yield the path of each value of the header that a listener rule accepts, or a distribution sends."""
    if resource.type in LISTENER_RULE:
        for path in accepted_paths(resource, judgement):
            yield from (f"{path}.{index}" for index, _ in enumerate(resource.items(path)))
    else:
        for index, _ in enumerate(resource.items("origins")):
            yield from sent_paths(resource, index, judgement)


def is_strong(value: str) -> bool:
    """Tell whether nobody can guess a value, and no other value passes for it."""
    return bool(_STRONG.fullmatch(value))


def _is_the_header(name: str, judgement: Judgement) -> bool:
    wanted: str = judgement.config["header"]
    return name.lower() == wanted.lower()
