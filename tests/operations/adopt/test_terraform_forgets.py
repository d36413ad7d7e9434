"""The hand-over, carried out by real Terraform on a platform that it created in an account played by moto's server."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from operations.adopt import hand_over, terraform_state
from operations.adopt.check_plan import PlanCheck, check
from operations.adopt.hand_over import HandOver
from operations.adopt.kinds import KINDS
from operations.adopt.matching import import_id
from operations.adopt.resources import TerraformState
from tests.operations.adopt import terraform_estate
from tests.operations.adopt.terraform_estate import CANARIES, STATE, Workspace
from tests.policies.acceptance.terraform import missing
from tests.upstream.deployment import serving

STAYS = "module.backstage"
"""The part of the platform that isn't taken over."""
NOT_TOLD = {"a service that isn't known: ecs", "what logs CreateLogGroup makes"}
"""Calls without an operation in the journal; all of them concern what stays with Terraform."""
READS = ("Describe", "Get", "Head", "List")


def prepared(state: TerraformState) -> HandOver:
    """Hand over everything except what stays with Terraform and the values of secrets."""
    versions = "aws_secretsmanager_secret_version"
    taken = [one for one in state.resources if one.module != STAYS and one.type != versions]
    ids = {one.address: next(id_ for type_ in KINDS if (id_ := import_id(type_, one))) for one in taken}
    return hand_over.prepare(state, ids)


def carry_out(done: HandOver, folder: Path) -> None:
    """Make the changes to Terraform's code that the page of a hand-over asks for."""
    made = hand_over.files(done)
    for name in (hand_over.REMOVED, hand_over.LOOKED_UP):
        (folder / name).write_text(made[name])
    delete(folder / "main.tf", done.removed)


def delete(code: Path, removed: Sequence[str]) -> None:
    """Delete the resources at some addresses from Terraform's code, and look up what the rest refers to."""
    text = code.read_text()
    for address in removed:
        kind, *names = address.split(".")
        heading = f'module "{names[0]}"' if kind == "module" else f'resource "{kind}" "{names[0]}"'
        text, deleted = re.subn(rf"^{heading} \{{$.*?^\}}$\n", "", text, flags=re.MULTILINE | re.DOTALL)
        assert deleted == 1, address
    text = re.sub(r"module\.iam\.role_arns(\[.*?\])", r"data.aws_iam_role.iam_this\1.arn", text)
    code.write_text(text.replace("= aws_secretsmanager_secret.this[", "= data.aws_secretsmanager_secret.this["))


def test_the_hand_over_of_the_recorded_platform() -> None:
    done = prepared(terraform_state.load(str(STATE)))
    assert done.problems == []
    assert done.instances == []
    assert sorted(done.removed) == [
        "aws_secretsmanager_secret.this",
        "aws_secretsmanager_secret_version.this",
        "aws_ssm_parameter.header_secret",
        "aws_ssm_parameter.this",
        "module.acm_alb_origin",
        "module.acm_viewer",
        "module.alb",
        "module.cloudfront_apps",
        "module.iam",
        "module.s3_data",
    ]
    assert {one.rpartition("[")[0] for one in done.besides} == {"aws_secretsmanager_secret_version.this"}
    assert [(one.stays, one.leaves) for one in done.references] == [
        ("module.backstage.aws_ecs_task_definition.this", "aws_secretsmanager_secret.this"),
        ("module.backstage.aws_ecs_task_definition.this", "module.iam.aws_iam_role.this"),
    ]
    assert done.lookups.keys() == {one.leaves for one in done.references}


@dataclass(frozen=True)
class Account:
    """The account, and the platform that Terraform created in it."""

    estate: Workspace
    journal: Path

    def written(self) -> Counter[str]:
        """Return the calls so far that changed something."""
        calls: list[dict[str, Any]] = [json.loads(line) for line in self.journal.read_text().splitlines()]
        assert {call["unrecognized"] for call in calls if "unrecognized" in call} == NOT_TOLD
        asked = (call["operation"] for call in calls if "operation" in call)
        return Counter(operation for operation in asked if not operation.startswith(READS))

    def plan(self, done: HandOver) -> PlanCheck:
        """Check Terraform's next plan."""
        return check(json.loads(self.estate.plan()), done.addresses)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A platform that Terraform has just created."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("terraform")
    journal = folder / "api.jsonl"
    with serving("tests.upstream.aws_server", str(journal)) as server:
        yield Account(terraform_estate.made(folder / "estate", server), journal)


def shape(text: str) -> list[tuple[str, list[str], list[str], list[str]]]:
    """Return what is the same in every run: addresses, names of attributes, and dependencies."""
    return sorted(
        (
            ".".join(part for part in (entry.get("module"), entry["mode"], entry["type"], entry["name"]) if part),
            sorted(f"{instance.get('index_key')}" for instance in entry["instances"]),
            sorted(entry["instances"][0]["attributes"]),
            sorted(entry["instances"][0].get("dependencies", ())),
        )
        for entry in json.loads(text)["resources"]
    )


def test_terraform_forgets_what_was_taken_over_and_nothing_is_destroyed(account: Account) -> None:
    estate = account.estate
    before = estate.state()
    assert shape(before) == shape(STATE.read_text()), "run python -m tests.operations.adopt.terraform_estate"
    assert not [value for value in CANARIES.values() if value in terraform_estate.without_secrets(before)]
    state = terraform_state.read(before, "Terraform's state")
    done = prepared(state)
    code = (estate.folder / "main.tf").read_text()
    made = account.written()

    # The trap: if single resources are forgotten without their parts, Terraform's next plan creates them again.
    role, secret = 'module.iam.aws_iam_role.this["prod-backstage-task"]', "aws_secretsmanager_secret.this"
    estate.run("state", "rm", role, f'{secret}["prod/backstage/db"]')
    torn = account.plan(done)
    assert f"{role} would be created" in torn.problems
    assert 'aws_secretsmanager_secret_version.this["prod/backstage/db"] would be destroyed and created' in torn.problems

    # The way back until the first `up`: the saved state and the old code.
    saved = estate.folder / "saved.json"
    saved.write_text(before)
    estate.run("state", "push", "-force", "saved.json")
    back = account.plan(done)
    assert back.forgotten == ()
    assert {problem.partition(" was ")[0] for problem in back.problems} == set(done.addresses)

    carry_out(done, estate.folder)
    found = account.plan(done)
    assert found.problems == ()
    assert sorted(found.forgotten) == sorted(done.addresses)
    estate.apply()
    after = account.plan(done)
    assert (after.forgotten, after.problems) == ((), ())
    assert account.written() == made

    # The way back after Terraform has forgotten: first without the saved state, then with it.
    changed = (estate.folder / "main.tf").read_text()
    (estate.folder / "main.tf").write_text(code)
    for name in (hand_over.REMOVED, hand_over.LOOKED_UP):
        (estate.folder / name).rename(estate.folder / f"{name}.away")
    way_back = estate.folder / hand_over.WAY_BACK
    way_back.write_text(hand_over.files(done)[hand_over.WAY_BACK])
    changes = json.loads(estate.plan())["resource_changes"]
    assert {one["address"] for one in changes if one["change"].get("importing")} == set(done.addresses)
    assert {action for one in changes for action in one["change"]["actions"]} == {"no-op", "update"}
    assert {one["type"]: _changed(one["change"]) for one in changes if one["change"]["actions"] == ["update"]} == {
        "aws_secretsmanager_secret": {"force_overwrite_replica_secret", "recovery_window_in_days"},
        "aws_lb_listener_rule": {"action"},  # AWS doesn't return the client secret
    }
    way_back.unlink()
    estate.run("state", "push", "-force", "saved.json")
    assert account.plan(done).forgotten == ()
    assert account.written() == made
    for name in (hand_over.REMOVED, hand_over.LOOKED_UP):
        (estate.folder / f"{name}.away").rename(estate.folder / name)
    (estate.folder / "main.tf").write_text(changed)
    estate.apply()

    estate.run("destroy", "-auto-approve", "-input=false", "-no-color")
    assert account.written() - made == {"DeleteLogGroup": 1}


def _changed(change: Mapping[str, Any]) -> set[str]:
    return {name for name, value in change["after"].items() if value != change["before"].get(name)}
