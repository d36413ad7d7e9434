"""Plans with their secrets in clear, for tests that need them: the program's own inputs, before any masking.

The program runs in its own process, so that runs can't influence each other.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from tests.forks import forked
from tests.owner import owned_with
from tests.session import shared

CLIENT_SECRET: Final = "client-secret-of-the-test"
HEADER_SECRET: Final = "a1" * 32


@dataclass(frozen=True)
class Variant:
    """A stack with changed settings, and the values of its secrets."""

    stack: str = "prod"
    settings: tuple[tuple[str, str], ...] = ()
    """Key without the project's name, and value as text; they override the stack's file."""
    header_secret: str = HEADER_SECRET
    previous_header_secret: str = ""
    client_secret: str = CLIENT_SECRET


@dataclass(frozen=True)
class RawStep:
    """A resource that the program registers: its inputs in clear, and the URNs that each input depends on."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, list[str]] = field(default_factory=dict)


@cache
def raw_plan(variant: Variant) -> tuple[RawStep, ...]:
    """Run the program and return the resources that it registers."""
    settings = dataclasses.asdict(variant)

    def make() -> str:
        done = forked(_print, settings)
        assert done.code == 0, done.printed
        return done.out

    name = hashlib.sha256(json.dumps(settings).encode()).hexdigest()
    return tuple(RawStep(**step) for step in json.loads(shared(f"raw plan {name}", make)))


def _print(variant: dict[str, Any]) -> int:
    print(json.dumps(_run(Variant(**variant))))
    return 0


def answer_with(client_secret: str) -> None:
    """Make this process's account return a client secret."""
    from rehearsal.engine import datasources

    answers = datasources.ANSWERS
    token = "aws:secretsmanager/getSecretVersion:getSecretVersion"
    vars(datasources)["ANSWERS"] = {
        **answers,
        token: lambda lookup: {**answers[token](lookup), "secretString": client_secret},
    }


def _run(variant: Variant) -> list[dict[str, Any]]:
    from rehearsal.engine import program
    from rehearsal.engine.plan import visible_steps
    from stackfiles import project

    loaded = project.load(owned_with(variant.stack), variant.stack)
    prefix = f"{loaded.name}:"
    values = {f"{prefix}originHeaderSecret": variant.header_secret}
    if variant.previous_header_secret:
        values[f"{prefix}previousOriginHeaderSecret"] = variant.previous_header_secret
    vars(program)["_placeholders"] = lambda _: values
    answer_with(variant.client_secret)
    settings = {f"{prefix}{key}": value for key, value in variant.settings}
    run = program.run(
        dataclasses.replace(loaded, config={**loaded.config, **settings}, secret_keys=tuple(values)), _Nobody()
    )
    if run.failure:
        raise run.failure
    return [
        {
            "urn": step.urn,
            "type": step.type,
            "name": step.name,
            "inputs": _clear(step.inputs),
            "references": step.property_dependencies,
        }
        for step in visible_steps(run.steps)
    ]


def _clear(value: Any) -> Any:  # noqa: ANN401 - what JSON gives
    from rehearsal.engine.properties import is_secret

    if is_secret(value):
        return _clear(value["value"])
    if isinstance(value, Mapping):
        return {key: _clear(item) for key, item in value.items()}
    return [_clear(item) for item in value] if isinstance(value, list) else value


class _Nobody:
    """Judges nothing."""

    def configure(self, config: Mapping[str, str]) -> None: ...

    def judge(self, step: object, provider: object) -> None: ...
