"""Reads the resources of a Pulumi plan, each with the line of the program that registers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.check.bad_input import BadInput
from policies.check.source import Line, Source, Subject
from policies.least_privilege.access.report import NotAPlan, read_plan

_POSITION: Final = "project:///"


def is_plan(content: object) -> bool:
    """Tell whether a file is the JSON of `pulumi preview --json` or of `python -m rehearsal --json`."""
    steps = content.get("steps") if isinstance(content, Mapping) else None
    # The configuration files of some CI systems have `steps` as well.
    return isinstance(steps, list) and any(isinstance(step, Mapping) and "op" in step for step in steps)


def subjects(source: Source) -> list[Subject]:
    """Return the resources of a plan.

    Raises:
        BadInput: a step has no resource.
    """
    try:
        resources = read_plan(source.content)
    except NotAPlan as problem:
        raise BadInput(f"isn't a Pulumi plan: {problem}") from None
    states = {state.get("urn"): state for step in source.content["steps"] if (state := step.get("newState"))}
    return [
        Subject(resource, source, resource.name, program=_position(states.get(resource.urn, {})))
        for resource in resources
    ]


def _position(state: Mapping[str, Any]) -> Line | None:
    position = str(state.get("sourcePosition", ""))
    file, _, place = position.removeprefix(_POSITION).partition("#")
    number = place.partition(",")[0]
    return Line(file, int(number)) if position.startswith(_POSITION) and number.isdecimal() else None
