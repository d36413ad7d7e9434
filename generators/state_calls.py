"""The engine's calls on the state's bucket and key (`state_calls.yaml`), and the permissions that each call needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import yaml

from components.catalogue import Reader
from generators.ci_calls import STATE, Request, names, settings

LIST: Final = Path(__file__).with_suffix(".yaml")

Operation: TypeAlias = Literal["cancel", "destroy", "preview", "refresh", "up"]
"""An operation of the Pulumi CLI. `preview` stands for every operation that only reads, also with `--preview-only`."""

OPERATIONS: Final[Mapping[str, Sequence[Operation]]] = {
    Reader.CI_PREVIEW: ("preview",),
    Reader.CI_DEPLOY: ("cancel", "destroy", "preview", "refresh", "up"),
}
"""Role -> the operations that it runs."""


@dataclass(frozen=True)
class StateCall:
    """One call: its service and operation, its object, the operations of the CLI that make it, and its source.

    `object` is the key of an object, or a list's prefix; `{project}` and `{stack}` stand for those of the stack, `*`
    for parts that differ each time. `copied` is the object that a copy is made from.
    """

    call: str
    by: Sequence[Operation]
    source: str
    object: str = ""
    copied: str = ""


@cache
def _list() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    return document


@cache
def calls() -> tuple[StateCall, ...]:
    """Return the calls of the list."""
    return tuple(StateCall(**row) for row in _list()["calls"])


def engine() -> str:
    """Return the engine of the list."""
    return str(_list()["engine"])


def requests(folder: Path, stack: str) -> list[Request]:
    """Return the requests that IAM authorizes for the calls of each role, in a stack that names bucket and key."""
    chosen, named = settings(folder, stack, STATE), names(folder, stack, STATE)
    bucket = named.bucket_arn(str(chosen.state_bucket))
    through_s3 = {"kms:ViaService": named.service_endpoint("s3")}
    found = []
    for call in calls():
        objects = {
            part: f"{bucket}/{key.format(project=named.project, stack=stack)}"
            for part, key in (("object", call.object), ("copied", call.copied))
        }
        resources = {**objects, "bucket": bucket, "key": str(chosen.state_key_arn)}
        roles = [role for role, operations in OPERATIONS.items() if set(operations) & set(call.by)]
        for action, part in _list()["asks"][call.call].items():
            what, by_s3, _ = part.partition(" by S3")
            context = through_s3 if by_s3 else {}
            found.append(Request(roles, STATE, action, resources[what], context, [call.call]))
    return found


def page() -> str:
    """Return the section about the state for the page about the provider's calls."""
    text = (
        "\n## The state\n\n"
        f"These are the calls of `{engine()}` on the state's bucket and key, read from its source\n"
        "(`generators/state_calls.yaml` has the places); a test compares them with the calls of the real CLI. The\n"
        "grants follow `stateBucket` and `stateKeyArn`; the preview role has grants only with `previewReadsState`.\n\n"
        "| call | object | needs | up | preview | refresh | destroy | cancel |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    for call in calls():
        marks = " | ".join("yes" if one in call.by else "" for one in ("up", "preview", "refresh", "destroy", "cancel"))
        asked = ", ".join(f"`{action}`" for action in _list()["asks"][call.call])
        text += f"| {call.call} | {f'`{call.object}`' if call.object else ''} | {asked} | {marks} |\n"
    return text
