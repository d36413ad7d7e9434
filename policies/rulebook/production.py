"""Which stacks are production, where mistakes can't be undone."""

from __future__ import annotations

from typing import Final

from policies.rulebook.rule import Judgement, Schemas

PRODUCTION: Final[Schemas] = {
    "environments": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Stacks that are production",
        "default": ["prod"],
    }
}
"""Schema of the configuration that every rule about production takes."""


def is_production(judgement: Judgement) -> bool:
    """Tell whether the stack that is judged is production; one without a name counts as production."""
    return not judgement.stack or judgement.stack in judgement.config["environments"]
