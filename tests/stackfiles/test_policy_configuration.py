"""A pack's configuration is checked against the JSON schema of its rules: faults are named, and nothing is skipped."""

from __future__ import annotations

from typing import Any

import pytest

from policies.rulebook import waivers
from stackfiles.policy_configuration import check

WAIVER = {"resource": "x", "reason": "long enough", "owner": "me", "expires": "2999-01-01"}


def problems(value: object, **schema: object) -> list[str]:
    return list(check({"it": value}, {"type": "object", "properties": {"it": schema}, "required": ("it",)}))


@pytest.mark.parametrize(
    ("value", "schema", "said"),
    [
        (7, {"type": "string"}, "must be of type string"),
        (True, {"type": ["number", "null"]}, "must be of type number or null"),
        ("c", {"enum": ["a", "b"]}, "must be one of ['a', 'b']"),
        ("z", {"minLength": 2}, "must have 2 or more characters"),
        ("zzz", {"maxLength": 2}, "must have 2 or fewer characters"),
        ("z", {"pattern": "^a"}, "must match ^a"),
        ("1.2.2026", {"type": "string", "format": "date"}, "must be a valid date"),
        (1, {"minimum": 2}, "must be 2 or more"),
        (3, {"maximum": 2}, "must be 2 or less"),
        ([], {"minItems": 1}, "must have 1 or more items"),
        ([1, 1], {"uniqueItems": True}, "must not repeat an item"),
        (1, {"multipleOf": 2}, "1 is not a multiple of 2"),
    ],
)
def test_a_value_that_does_not_fit_its_schema_is_a_problem(value: object, schema: dict[str, Any], said: str) -> None:
    assert problems(value, **schema) == [f"`it` {said}"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"expires": "soon"}, ["`it[1].expires` must be a valid date"]),
        (
            {"owner": "", "reason": ""},
            ["`it[1].owner` must have 1 or more characters", "`it[1].reason` must have 10 or more characters"],
        ),
        (
            {"until": "2999-01-01"},
            [
                "`it[1]` Additional properties are not allowed ('until' was unexpected); "
                "accepted: resource, finding, reason, owner, expires"
            ],
        ),
    ],
)
def test_waivers_are_checked_against_their_schema(changes: dict[str, str], said: list[str]) -> None:
    assert problems([WAIVER, {**WAIVER, **changes}], **waivers.SCHEMA) == said


def test_a_missing_required_key_is_a_problem() -> None:
    assert list(check({}, {"type": "object", "required": ("it",)})) == ["'it' is a required property"]


@pytest.mark.parametrize(
    "schema",
    [
        {"minLenght": 2},
        {"type": "strnig"},
        {"type": "string", "format": "a-date"},
        {"items": {"type": "object", "additionalProperties": {"minLenght": 2}}},
    ],
)
def test_a_schema_that_would_check_nothing_is_a_problem(schema: dict[str, Any]) -> None:
    (said,) = problems("anything", **schema)
    assert said.startswith("has a schema that can't be checked: `properties.it")
