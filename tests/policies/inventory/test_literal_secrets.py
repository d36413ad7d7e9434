"""Secrets that an engine reads from Secrets Manager aren't literals of the program; a rehearsal reads none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.owner import owned
from tests.policies.analyzer import PROJECT, SETTINGS, Judge, Process, StartPack, secret
from tests.policies.inventory.test_inventory import CONFIG, DATABASE, PARAMETER, RULE, STAND_IN, messages_of, sign_in


def test_a_rehearsal_reads_no_secret_whatever_the_settings_are(
    pack: StartPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "inventory", {f"{PROJECT}:readSecretsInPreview": "true"})
    judge = pack("inventory", "reads")
    assert messages_of(judge.resource(RULE, sign_in(clientSecret=secret("read"))), "literal-secret") != []
    assert messages_of(judge.resource(RULE, sign_in(clientSecret=STAND_IN)), "literal-secret") == []


@pytest.mark.parametrize(
    ("given", "setting", "literal"),
    [
        ({"preview": False}, "false", {PARAMETER}),
        ({"environment": {"LEFT_OUT_OF_UPDATE": "**::guarded:** **::aws:rds/**"}}, "false", {PARAMETER, RULE}),
        ({"environment": {"PREVIEW_READS_SECRETS": "true"}}, "true", {PARAMETER, DATABASE}),
    ],
    ids=["update", "left out", "read in a preview"],
)
def test_a_secret_that_the_engine_reads_is_not_a_literal(
    given: dict[str, Any], setting: str, literal: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole preview precedes an update, and `not-previewed` compares the two. Resources that an update leaves out are
    shown as in the state, with the secret that was read when they were created."""
    monkeypatch.setitem(SETTINGS, "inventory", {f"{PROJECT}:readSecretsInPreview": setting})
    process = Process(owned() / "policies" / "inventory", "prod", **given)
    try:
        judge = Judge(process, "prod", CONFIG, {})
        read = secret("read")
        inputs = {PARAMETER: {"value": read}, DATABASE: {"masterPasswordWo": read}, RULE: sign_in(clientSecret=read)}
        found = {
            type_
            for type_, properties in inputs.items()
            if messages_of(judge.resource(type_, properties), "literal-secret")
        }
        assert found == literal
    finally:
        process.stop()
