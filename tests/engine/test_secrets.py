"""No secret value appears in clear in a state file, an event log, a saved plan or the output."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.conftest import Deploy, first_up
from tests.engine.deployment import CANARIES, HEADER_SECRET, NEXT_HEADER_SECRET, NEXT_KINDE_SECRET

pytestmark = pytest.mark.engine


def leaks(folder: Path) -> list[str]:
    """The files below a folder that contain a secret value."""
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and any(canary.encode() in file.read_bytes() for canary in CANARIES)
    ]


def test_the_stand_in_account_holds_the_secrets_in_clear() -> None:
    """Otherwise the tests below would look for values that aren't there."""
    deployment, _ = first_up("prod")
    assert leaks(deployment.account)


def test_the_first_up_writes_no_secret() -> None:
    deployment, outcome = first_up("prod")
    assert not [canary for canary in CANARIES if canary in outcome.out]
    assert leaks(deployment.folder / "state") == []
    assert list((deployment.folder / "state").rglob("*.json"))


def test_a_rotation_with_all_details_shows_no_secret(deploy: Deploy, tmp_path: Path) -> None:
    deployment = deploy(up=True)
    logs = tmp_path / "logs"
    logs.mkdir()
    deployment.kinde_secret(NEXT_KINDE_SECRET)
    deployment.configure(originHeaderSecret=NEXT_HEADER_SECRET, previousOriginHeaderSecret=HEADER_SECRET)
    plan = deployment.run("preview", "--json", str(logs / "plan.json"))
    assert plan.code == 0, plan.out
    deployment.environment["PULUMI_DEBUG_COMMANDS"] = "true"
    applied = deployment.pulumi("up", "--yes", "--diff", "--event-log", str(logs / "events.jsonl"))
    assert applied.code == 0, applied.out
    assert "[secret]" in applied.out
    assert not [canary for canary in CANARIES if canary in plan.out + applied.out]
    assert leaks(logs) == []
    assert {file.name for file in logs.iterdir()} == {"plan.json", "events.jsonl"}
    assert leaks(deployment.folder / "state") == []
