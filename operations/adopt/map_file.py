"""`--map`: corrections to the match, made by a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from operations.adopt.kinds import KINDS
from stackfiles import yaml_file
from stackfiles.failures import BadConfiguration

LONGEST: Final = dt.timedelta(days=366)
"""How far ahead an exemption can end; the same limit as for waivers."""

_Urn = Annotated[str, Field(pattern=r"^urn:pulumi:[^:]+::[^:]+::.+::.+$")]
_Id = Annotated[str, Field(min_length=1, pattern=r"^\S+$")]


class Exemption(BaseModel):
    """Why a resource is left to Terraform, who is responsible for that, and the last day on which it is valid."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, Field(min_length=10)]
    owner: Annotated[str, Field(min_length=1)]
    until: dt.date

    @field_validator("until")
    @classmethod
    def _lasts(cls, until: dt.date) -> dt.date:
        today = dt.datetime.now(dt.UTC).date()
        if not today <= until <= today + LONGEST:
            raise ValueError(f"is {until}; accepted: from today to {today + LONGEST}")
        return until


class Map(BaseModel):
    """`ids` maps the URN of a planned resource to its import id, `leave` lists planned resources not to be matched.

    A resource under `leave` is created beside the running one, which Terraform keeps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    ids: Mapping[_Urn, _Id] = {}
    leave: Mapping[_Urn, Exemption] = {}

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        if both := sorted(self.ids.keys() & self.leave.keys()):
            raise ValueError(f"`ids` and `leave` both name {', '.join(both)}; keep one")
        return self

    def require_known(self, planned: Mapping[str, str]) -> None:
        """Refuse resources that the program doesn't plan, or that have no importer.

        Args:
            planned: URN -> type of what the program plans.

        Raises:
            BadConfiguration: there are some; the message lists all of them.
        """
        wrong = [
            f"`{urn}`: the program plans no such resource" for urn in (*self.ids, *self.leave) if urn not in planned
        ]
        wrong += [
            f"`ids.{urn}`: nothing of type {planned[urn]} can be taken over; accepted: `leave`"
            for urn in self.ids
            if urn in planned and planned[urn] not in KINDS
        ]
        if wrong:
            raise BadConfiguration("\n".join(f"--map: {problem}" for problem in wrong))


def load(file: Path) -> Map:
    """Read a map.

    Raises:
        BadConfiguration: it can't be read, or something in it isn't accepted; the message lists every problem.
    """
    try:
        return Map.model_validate(yaml_file.read(file))
    except ValidationError as error:
        problems = [
            f"{file}: `{'.'.join(str(part) for part in problem['loc'] if part != '[key]')}` {_message(problem['msg'])}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise BadConfiguration("\n".join(problems).replace("`` ", "")) from None


def _message(message: str) -> str:
    return message.removeprefix("Value error, ")
