"""The environment that names in a stack have to carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.rulebook import Judgement, Unjudgeable

ENVIRONMENT: Final[Mapping[str, Mapping[str, Any]]] = {
    "environment": {
        "type": "string",
        "description": "Environment that the names have to carry; empty for the stack's own name",
        "default": "",
    }
}
"""Schema of the configuration key that every rule about an environment takes."""


AGREED: Final[Mapping[str, Mapping[str, Any]]] = {
    "agreed": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Full names that owners agreed to, such as those of resources that already existed",
        "default": [],
    }
}
"""Schema of the configuration key for names that pass although they don't follow a convention."""


def stack_environment(judgement: Judgement) -> str:
    """Return the environment of the stack that is judged.

    Raises:
        Unjudgeable: the stack has no name and the configuration gives no environment.
    """
    environment: str = judgement.config["environment"] or judgement.stack
    if not environment:
        raise Unjudgeable("environment", "isn't configured, and the stack has no name")
    return environment
