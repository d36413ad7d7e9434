"""What a preview's record lets an update do. `tests/engine/test_previewed.py` tests it on the real engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.owner import owned
from tests.policies.analyzer import (
    PROJECT,
    ROOT,
    UNKNOWN,
    Judge,
    Planned,
    Process,
    StartPack,
    Violation,
    secret,
)

PARAMETER: Final = "aws:ssm/parameter:Parameter"
RULE: Final = "aws:lb/listenerRule:ListenerRule"
CONFIG: Final[dict[str, dict[str, Any]]] = {
    "not-previewed": {"required": True, "stand_ins": {RULE: ["actions.*.authenticateOidc.clientSecret"]}},
    "previewed-only": {"required": True},
}
CANARY: Final = "canary-of-the-record"
FILE: Final = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
"""A file, as the engine sends it."""

Session = Callable[[Path, bool], Judge]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """Start the pack with a file for its record, for a preview (True) or an update."""
    processes: list[Process] = []

    def start(record: Path, preview: bool) -> Judge:
        environment = {"PREVIEW_RECORD_FILE": str(record), "PREVIEW_RECORD_KEY": "key"}
        processes.append(Process(owned() / "policies" / "previewed", "prod", preview=preview, environment=environment))
        return Judge(processes[-1], "prod", CONFIG, {})

    yield start
    for process in processes:
        process.stop()


def one(value: object, **other: Any) -> Planned:  # noqa: ANN401 - fields of a resource
    return Planned(PARAMETER, {"value": value}, **other)


def rule(client_secret: object, target: str = "arn", order: float = 1) -> Planned:
    """A listener rule. Its actions are one secret as a whole, because they contain one."""
    sign_in = {"order": order, "authenticateOidc": {"issuer": "i", "clientSecret": client_secret}}
    return Planned(RULE, {"actions": secret([sign_in, {"targetGroupArn": target}])})


CASES: Final[dict[str, tuple[Planned, Planned, str]]] = {
    "same": (one("x"), one("x"), ""),
    "unknown, then known": (one(UNKNOWN), one("x"), ""),
    "unknown in part": (one({"a": [UNKNOWN, "x"]}), one({"a": ["y", "x"]}), ""),
    "unknown, then a tree": (one({"a": UNKNOWN}), one({"a": {"b": ["c"]}}), ""),
    "stand-in for a secret": (rule("stand-in"), rule(CANARY), ""),
    "beside an unknown": (
        one({"a": [UNKNOWN, "x"]}),
        one({"a": ["y", "z"]}),
        "Changed since the preview: `value.a.1`.",
    ),
    "text": (one("x"), one("y"), "Changed since the preview: `value`."),
    "kind": (one("1"), one(1), "Changed since the preview: `value`."),
    "flag": (one([True]), one([False]), "Changed since the preview: `value.0`."),
    "longer": (one(["x"]), one(["x", "y"]), "Changed since the preview: `value`."),
    "added": (one({"a": "x"}), one({"a": "x", "b": "y"}), "Changed since the preview: `value.b`."),
    "removed": (one({"a": "x", "b": "y"}), one({"a": "x"}), "Changed since the preview: `value.b`."),
    "null": (one(None), one("x"), "Changed since the preview: `value`."),
    "protection": (one("x", protect=True), one("x"), "Changed since the preview: `(protect)`."),
    "parent": (one("x", parent="urn:a"), one("x", parent="urn:b"), "Changed since the preview: `(parent)`."),
    "provider": (one("x", provider={"region": "a"}), one("x", provider={"region": "b"}), "`(provider).region`"),
    "secret outputs": (
        one("x", secret_outputs=("value",)),
        one("x"),
        "Changed since the preview: `(additionalSecretOutputs)`.",
    ),
    "secret": (one(secret("x")), one(secret(CANARY)), "Changed since the preview: `value`."),
    "no secret any more": (one(secret("x")), one("x"), "Changed since the preview: `value`."),
    "beside a stand-in": (
        rule("stand-in"),
        rule(CANARY, "other"),
        "Changed since the preview: `actions.1.targetGroupArn`.",
    ),
    "number beside a stand-in": (
        rule("stand-in"),
        rule(CANARY, order=2),
        "Changed since the preview: `actions.0.order`.",
    ),
    "many": (one(dict.fromkeys("abcdefg", 1)), one(dict.fromkeys("abcdefg", 2)), "`value.e` and 2 more."),
    "name": (one("x"), one("x", name="another"), "The preview didn't show this resource"),
    "type": (one("x"), Planned("a:b:C", {"value": "x"}), "The preview didn't show this resource"),
    "file": (one(FILE), one(FILE), "Changed since the preview: `value`."),
}
"""The resource in the preview, the resource that is applied, and the message about it."""


def named(planned: Planned, name: str) -> Planned:
    return planned if planned.name == "another" else dataclasses.replace(planned, name=name)


def judged(judge: Judge, planned: Planned) -> list[Violation]:
    return judge.resource(
        planned.type,
        planned.properties,
        planned.name,
        planned.protect,
        planned.parent,
        planned.provider,
        planned.secret_outputs,
    )


@pytest.fixture(scope="module")
def update(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """The update after a preview with the first resource of each case."""
    record = tmp_path_factory.mktemp("private") / "record.json"
    previewed = [named(before, name) for name, (before, _, _) in CASES.items()]
    assert session(record, True).everything(previewed) == []
    assert '"stand-in"' not in record.read_text()
    return session(record, False)


@pytest.mark.parametrize("name", CASES)
def test_an_update_must_match_its_preview(name: str, update: Judge) -> None:
    _, applied, said = CASES[name]
    found = judged(update, named(applied, name))
    assert [violation.rule for violation in found] == ["not-previewed"] * bool(said)
    assert said in "".join(violation.message for violation in found)
    assert CANARY not in "".join(violation.message for violation in found)


def test_resources_missing_from_the_update_are_reported_at_the_end(session: Session, tmp_path: Path) -> None:
    """If it existed, the engine has destroyed it by then."""
    record = tmp_path / "record.json"
    kept, gone = one("x", name="kept"), one("x", name="gone")
    session(record, True).everything([kept, gone])
    root = Planned(ROOT, {}, f"{PROJECT}-prod")
    found = session(record, False).stack_of([root, kept])
    assert [(violation.rule, violation.urn) for violation in found] == [("previewed-only", gone.urn("prod"))]


@pytest.mark.parametrize("text", [None, "", "[]", '{"urn": "digest"}', "{", "\udcff"])
def test_an_unreadable_record_stops_every_resource(text: str | None, session: Session, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    if text is not None:
        record.write_bytes(text.encode("utf-8", "surrogateescape"))
    found = session(record, False).everything([one("x")])
    assert [violation.rule for violation in found] == ["not-previewed"] * 2  # the root resource, and this one
    assert all("There is no record of this update's preview: its file" in violation.message for violation in found)


def test_an_incomplete_preview_leaves_no_record(session: Session, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    judged(session(record, True), one("x"))
    assert not record.exists()


def test_the_pack_is_off_unless_the_configuration_requires_a_record(pack: StartPack) -> None:
    assert pack("previewed").everything([one("x")]) == []
