"""The planted faults, read from `planted.yaml` (see there)."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from corpus.families import read

FILE: Final = Path(__file__).with_name("planted.yaml")


@dataclass(frozen=True)
class Fault:
    """A value that is refused, and its twin that is accepted. `number` is the fault's position in the file."""

    number: int
    type: str
    path: str
    bad: Any
    good: Any
    reason: str
    source: str

    def __str__(self) -> str:
        return f"{self.number}-{self.type.rpartition(':')[2]}-{self.path}"

    @property
    def refused(self) -> dict[str, Any]:
        """The inputs of the type's resource with the refused value."""
        return changed(self.type, {self.path: self.bad})

    @property
    def twin(self) -> dict[str, Any]:
        """The inputs of the type's resource with the accepted value."""
        return changed(self.type, {self.path: self.good})


@cache
def resources() -> Mapping[str, dict[str, Any]]:
    """Return a valid resource of each type."""
    loaded: dict[str, dict[str, Any]] = _loaded()["resources"]
    return loaded


@cache
def faults() -> tuple[Fault, ...]:
    """Return all planted faults."""
    return tuple(
        Fault(number, **{**fault, "bad": written(fault["bad"]), "good": written(fault["good"])})
        for number, fault in enumerate(_loaded()["faults"])
    )


@cache
def _loaded() -> dict[str, Any]:
    document: dict[str, Any] = read(FILE)
    return document


def written(value: Any) -> Any:  # noqa: ANN401 - what YAML gives
    """Return a value with the short forms written out (see `planted.yaml`)."""
    if isinstance(value, list):
        return [written(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "REPEAT" in value:
        if isinstance(value["REPEAT"], str):
            return value["REPEAT"] * value["TIMES"]
        text = json.dumps(value["REPEAT"])
        return [one for number in range(value["TIMES"]) for one in json.loads(text.replace("NUMBER", str(number)))]
    if "LIST" in value:
        return [value["LIST"].replace("N", str(number)) for number in range(value["TIMES"])]
    if "TAGS" in value:
        return {f"tag{number}": "x" for number in range(value["TAGS"])}
    for key, statement in _STATEMENTS.items():
        if key in value:
            return _document(value[key], statement)
    return {key: written(item) for key, item in value.items()}


_STATEMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "POLICY": {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::NAME/*"},
    "BUCKET_POLICY": {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::prod-edge-logs/NAME/*",
    },
    "TRUST_POLICY": {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": "NAME"}},
    },
}


def _document(size: int, statement: Mapping[str, Any]) -> str:
    """Return an IAM document with this number of characters, not counting white space."""
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    return text.replace("NAME", "a" * (size - len(text) + len("NAME"))).replace(",", ", ", 1)


def changed(type_: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of the type's resource with values at some paths; None removes a value."""
    return at_paths(resources()[type_], values)


def at_paths(inputs: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of inputs with values at some paths."""
    made: dict[str, Any] = copy.deepcopy(dict(inputs))
    for path, value in values.items():
        place: Any = made
        *steps, last = path.split(".")
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[int(last) if isinstance(place, list) else last] = value
    return made
