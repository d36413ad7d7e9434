"""The programs of tasks and functions must be as agreed; any change is reported, and unreadable values don't pass."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from policies.inventory.programs import FUNCTION, TASK, programs
from tests.policies.analyzer import UNKNOWN, Json, StartPack, secret
from tests.policies.inventory.test_inventory import messages_of

SQL: Final = {"name": "SQL", "value": "select 1;" * 40}
CONTAINER: Final[dict[str, Any]] = {
    "name": "app",
    "image": "one",
    "command": ["serve"],
    "environment": [{"name": "API", "value": "https://api.example.com"}, SQL],
    "secrets": [{"name": "TOKEN", "valueFrom": "arn"}],
    "mountPoints": [],
}
LAMBDA: Final[dict[str, Json]] = {
    "name": "prod-files",
    "handler": "handler.handle",
    "environment": {"variables": {"ENVIRONMENT": "prod"}},
}


def task(*containers: Json) -> dict[str, Json]:
    return {"family": "prod-app", "containerDefinitions": json.dumps(list(containers))}


def changed(**keys: Json) -> dict[str, Json]:
    return task({**CONTAINER, **keys})


AGREED: Final = {"pinned-program": {"programs": programs([(TASK, task(CONTAINER)), (FUNCTION, LAMBDA)])}}
API: Final = {"name": "API", "value": "https://evil.example"}


@pytest.mark.parametrize(
    ("type_", "properties", "said"),
    [
        (TASK, task(CONTAINER), ""),
        (TASK, changed(image="two", secrets=[], portMappings=[]), ""),
        (FUNCTION, {**LAMBDA, "timeout": 3}, ""),
        (TASK, changed(command=["sh"]), "`command`"),
        (TASK, changed(command=[]), "`command`"),
        (TASK, changed(environment=[API, CONTAINER["environment"][1]]), "`environment`"),
        (
            TASK,
            changed(environment=[CONTAINER["environment"][0], {"name": "SQL", "value": "x" * 360}]),
            "`environment`",
        ),
        (
            TASK,
            changed(extraHosts=[{"hostname": "api.example.com", "ipAddress": "192.0.2.1"}]),
            "a key that isn't agreed",
        ),
        (TASK, task(CONTAINER, {**CONTAINER, "name": "beside"}), "its containers"),
        (TASK, {**task(CONTAINER), "family": "prod-other"}, "Nobody agreed"),
        (TASK, changed(environment=[*CONTAINER["environment"], API]), "can't be read"),
        (TASK, task(CONTAINER, CONTAINER), "can't be read"),
        (TASK, changed(environment={"API": "x"}), "can't be read"),
        (TASK, {"family": "prod-app", "containerDefinitions": UNKNOWN}, "can't be read"),
        (TASK, {"family": "prod-app", "containerDefinitions": "["}, "can't be read"),
        (TASK, {"family": UNKNOWN, "containerDefinitions": "[]"}, "isn't known at preview"),
        (FUNCTION, {**LAMBDA, "environment": {"variables": {"ENVIRONMENT": "dev"}}}, "`environment`"),
        (FUNCTION, {**LAMBDA, "environment": {"variables": {"ENVIRONMENT": secret("prod ")}}}, "`environment`"),
        (FUNCTION, {**LAMBDA, "environment": UNKNOWN}, "can't be read"),
        (FUNCTION, {**LAMBDA, "handler": "other.handle"}, "`handler`"),
    ],
)
def test_programs_must_be_as_agreed(pack: StartPack, type_: str, properties: dict[str, Json], said: str) -> None:
    messages = messages_of(pack("inventory", config=AGREED).resource(type_, properties), "pinned-program")
    assert len(messages) == bool(said)
    assert all(said in message and "evil" not in message for message in messages)
