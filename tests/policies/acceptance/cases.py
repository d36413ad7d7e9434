"""The cases of `cases.yaml`, and how `preflight.yaml` accounts for cdk-preflight's other rules (see there)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from corpus.families import read
from tests.policies.acceptance.planted import changed, written

FILE: Final = Path(__file__).with_name("cases.yaml")
BREAKAGES: Final = Path(__file__).with_name("breakages.yaml")
PREFLIGHT: Final = Path(__file__).with_name("preflight.yaml")


@dataclass(frozen=True)
class Case:
    """Inputs that are refused with the words `told`, and similar ones that pass: one resource or several."""

    type: str
    bad: tuple[Mapping[str, Any], ...]
    good: tuple[Mapping[str, Any], ...]
    told: str
    like: str

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]}: {self.told} {self.like}"


@cache
def cases() -> tuple[Case, ...]:
    """Return all cases."""
    rows = read(FILE)
    return tuple(
        Case(
            row["type"],
            _inputs(row["type"], row["bad"]),
            _inputs(row["type"], row.get("good", {})),
            row["told"],
            row.get("like", ""),
        )
        for row in rows
    )


@cache
def counterparts() -> frozenset[str]:
    """Return the rules of cdk-preflight that have a counterpart: a case, or an edit of the plan."""
    breakages = read(BREAKAGES)
    return frozenset({case.like for case in cases()} | {row.get("like", "") for row in breakages}) - {""}


@cache
def left_out() -> Mapping[str, tuple[str, ...]]:
    """Return reason -> the rules of cdk-preflight without a counterpart for that reason."""
    reasons: dict[str, list[str]] = read(PREFLIGHT)["reasons"]
    return {reason: tuple(rules) for reason, rules in reasons.items()}


def _inputs(type_: str, settings: Any) -> tuple[Mapping[str, Any], ...]:  # noqa: ANN401 - what YAML gives
    settings = written(settings)
    return tuple(changed(type_, one) for one in (settings if isinstance(settings, list) else [settings]))
