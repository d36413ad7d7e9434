"""The header that proves to the load balancer that a request came through CloudFront."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policies.entry_points.kinds import LISTENER_RULE
from policies.rulebook import Judgement, Part, Resource, Schemas

HEADER: Final[Schemas] = {
    "header": {
        "type": "string",
        "description": "Name of the header that carries the secret between CloudFront and the load balancer",
        "default": "X-Origin-Verify",
    }
}
"""Schema of the configuration that every rule about the header takes."""

_STRONG: Final = re.compile(r"[0-9a-z]{32,128}")
"""A header condition ignores case, treats * and ? as wildcards and holds up to 128 characters
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html)."""


def accepted_paths(rule: Resource, judgement: Judgement) -> Iterator[str]:
    """Yield the path of the list of accepted values, for each condition of a listener rule on the header."""
    for condition in rule.parts("conditions"):
        if condition.get("httpHeader") is not None and _names_header(condition, "httpHeader.httpHeaderName", judgement):
            yield condition.place("httpHeader.values")


def sent_paths(origin: Part, judgement: Judgement) -> Iterator[str]:
    """Yield the path of each value of the header that a distribution sends to one of its origins."""
    for header in origin.parts("customHeaders"):
        if _names_header(header, "name", judgement):
            yield header.place("value")


def value_paths(resource: Resource, judgement: Judgement) -> Iterator[str]:
    """Yield the path of each value of the header that a listener rule accepts or a distribution sends."""
    if resource.type in LISTENER_RULE:
        for path in accepted_paths(resource, judgement):
            yield from (value.path for value in resource.parts(path))
    else:
        for origin in resource.parts("origins"):
            yield from sent_paths(origin, judgement)


def is_strong(value: str) -> bool:
    """Tell whether nobody can guess a value, and no other value matches it."""
    return bool(_STRONG.fullmatch(value))


def _names_header(part: Part, path: str, judgement: Judgement) -> bool:
    wanted: str = judgement.config["header"]
    return part.text(path).lower() == wanted.lower()
