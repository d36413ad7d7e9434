"""Failing providers, two users at once, a killed engine: the next `up` finishes, nothing is lost or created twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from itertools import dropwhile

import pytest

from tests.engine.account import Account
from tests.engine.conftest import Deploy
from tests.engine.deployment import HANGS, Deployment, stand_ins_of_their_own
from tests.planning import document_of

pytestmark = pytest.mark.engine

SECRET = "aws:secretsmanager/secret:Secret"
LOAD_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
REFUSALS = {False: "currently locked", True: "the stack's state can't be read, so nothing was applied"}


def assert_everything_once(deployment: Deployment) -> None:
    assert Counter(call["urn"] for call in deployment.calls("Create")).most_common(1)[0][1] == 1
    assert_state_is_what_exists(deployment)


def assert_state_is_what_exists(deployment: Deployment) -> None:
    in_state = sorted((resource["type"], resource["id"]) for resource in deployment.resources())
    assert in_state == deployment.existing()
    assert len(in_state) > 100
    assert not deployment.state().get("pending_operations")


def until(happened: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + HANGS
    while not happened():
        assert process is None or process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)


def creation_waits(type_: str) -> dict[str, object]:
    return {"method": "Create", "nth": 1, "type": type_, "action": "wait"}


def methods(deployment: Deployment) -> list[str]:
    return [call["method"] for call in deployment.journal()]


def waits(deployment: Deployment, creations: int = 1) -> Callable[[], object]:
    return lambda: methods(deployment).count("Wait") == creations


def all_but(deployment: Deployment, type_: str) -> Callable[[], object]:
    """Tell whether the state has everything that doesn't depend on a type, whose creation alone is under way."""
    waiting: set[str] = set()
    others = set()
    for step in document_of(deployment.stack)["steps"]:
        state = step["newState"]
        if state["type"] == type_ or waiting.intersection([*state.get("dependencies", []), state.get("parent", "")]):
            waiting.add(step["urn"])
        elif state["custom"] and not state["type"].startswith("pulumi:"):
            others.add(step["urn"])

    def reached() -> bool:
        try:
            state = deployment.state()
        except (FileNotFoundError, json.JSONDecodeError):  # the file is being written
            return False
        under_way = [operation["resource"]["type"] for operation in state.get("pending_operations", [])]
        return under_way == [type_] and others <= {resource["urn"] for resource in state["resources"]}

    return reached


def test_the_next_up_finishes_after_a_provider_error(deploy: Deploy) -> None:
    deployment = deploy("dev")
    deployment.faults({"method": "Create", "nth": 40, "action": "refuse"})
    failed = deployment.up()
    assert failed.code != 0
    assert "the service doesn't answer" in failed.out
    made = deployment.existing()
    assert 0 < len(made) < 100
    deployment.faults()
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert set(made) <= set(deployment.existing())
    assert_everything_once(deployment)


def test_the_next_up_finishes_after_a_provider_died(deploy: Deploy) -> None:
    deployment = deploy("dev")
    deployment.faults({"method": "Create", "nth": 40, "action": "die"})
    with stand_ins_of_their_own(deployment):
        failed = deployment.up()
    assert failed.code != 0
    made = deployment.existing()
    assert 0 < len(made) < 100
    deployment.faults()
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert set(made) <= set(deployment.existing())
    assert_everything_once(deployment)


def test_the_second_of_two_ups_fails_because_the_stack_is_locked(deploy: Deploy) -> None:
    deployment = deploy("dev")
    deployment.faults(creation_waits(SECRET))
    first = deployment.start("up", "--yes")
    until(waits(deployment), first)
    second = deployment.up()
    deployment.faults()
    printed, _ = first.communicate(timeout=HANGS)
    assert second.code != 0
    assert "currently locked" in second.out
    assert first.returncode == 0, printed
    assert_everything_once(deployment)


@pytest.mark.parametrize("torn", [False, True], ids=["state whole", "state torn"])
def test_the_state_left_by_a_killed_engine_can_be_repaired(torn: bool, deploy: Deploy) -> None:
    deployment = deploy("dev")
    deployment.faults(creation_waits(LOAD_BALANCER), creation_waits(SECRET))
    process = deployment.start("up", "--yes")
    until(waits(deployment, creations=2), process)
    # The secret is created now, so that the state before the last write also lists the load balancer's creation.
    deployment.faults(creation_waits(LOAD_BALANCER))
    until(all_but(deployment, LOAD_BALANCER), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    deployment.faults()
    until(lambda: [type_ for type_, _ in deployment.existing() if type_ == LOAD_BALANCER])
    if torn:  # as if it had been killed while writing the file
        deployment.state_file.write_text("")

    refused = deployment.up()
    assert refused.code != 0
    assert REFUSALS[torn] in refused.out, refused.out
    if torn:
        shutil.copy(deployment.state_file.with_suffix(".json.bak"), deployment.state_file)
    unlocked = deployment.run("unlock")
    assert unlocked.code == 0, unlocked.out

    # The engine noted the pending operations, but can't know whether the account has their resources by now. The state
    # doesn't, so the operator deletes them from the account, and the next `up` creates them again.
    pending = [operation["resource"]["urn"] for operation in deployment.state()["pending_operations"]]
    assert any(LOAD_BALANCER in urn for urn in pending)
    account = Account(deployment.account)
    for resource in deployment.account_resources():
        if resource.urn in pending:
            account.remove(resource.type, resource.id)
    cleared = deployment.run("refresh", "--yes", "--clear-pending")
    assert cleared.code == 0, cleared.out
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert_state_is_what_exists(deployment)


def test_an_interrupted_up_finishes_running_operations_and_the_next_up_finishes_the_rest(deploy: Deploy) -> None:
    deployment = deploy("dev")
    deployment.faults(creation_waits(LOAD_BALANCER))
    process = deployment.start("up", "--yes")
    until(waits(deployment), process)
    process.send_signal(signal.SIGTERM)
    until(lambda: "Cancel" in dropwhile(lambda method: method != "Wait", methods(deployment)), process)
    deployment.faults()
    printed, _ = process.communicate(timeout=HANGS)
    assert process.returncode != 0, printed
    assert not deployment.state().get("pending_operations")
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert_everything_once(deployment)
