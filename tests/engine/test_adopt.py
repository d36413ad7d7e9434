"""The real engine takes over a running platform: nothing is created, replaced, deleted or written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from operations.adopt import judging, report, terraform_state
from operations.adopt.engine import Engine, scratch_engine
from operations.adopt.kinds import RECORDED
from operations.adopt.map_file import Exemption, Map
from operations.adopt.matching import Matcher
from operations.adopt.program_digest import program_digest
from operations.adopt.rehearsal import rehearse
from operations.adopt.report import Report
from operations.adopt.resources import Verdict
from operations.adopt.take_over import require_as_reported, take_over
from stackfiles.failures import Failure
from stackfiles.plan_document import PlanDocument
from tests.engine.account import Account, Resource
from tests.engine.adoption import StandInAccount, state_document
from tests.engine.conftest import Deploy, first_up
from tests.engine.deployment import CANARIES, Deployment
from tests.engine.test_failures import methods, until
from tests.engine.test_secrets import leaks
from tests.operations.adopt.engine_double import BrokenOff
from tests.owner import config
from tests.planning import NAME, PROJECT

pytestmark = pytest.mark.engine

ROLE: Final = "aws:iam/role:Role"
POLICY: Final = "aws:iam/policy:Policy"
GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
CERTIFICATE: Final = "aws:acm/certificate:Certificate"
TARGETS: Final = "aws:lb/targetGroup:TargetGroup"
SECRET: Final = "aws:secretsmanager/secret:Secret"
RULE: Final = "aws:lb/listenerRule:ListenerRule"


def running(deploy: Deploy) -> Deployment:
    """A deployment with an empty state, on an account where the whole platform is running."""
    deployment = deploy()
    shutil.copytree(first_up("prod")[0].account, deployment.account, dirs_exist_ok=True)
    return deployment


@contextmanager
def environment(deployment: Deployment) -> Iterator[None]:
    """Give this process the deployment's environment."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in deployment.environment.items():
            patch.setenv(key, value)
        yield


def reported(deployment: Deployment, known: Map | None = None) -> Report:
    """The report on adopting the running platform."""
    state = terraform_state.read(state_document(Account(deployment.account)), "a test")
    settings = config("prod")
    live = StandInAccount(Account(deployment.account))
    account, region = settings["aws:allowedAccountIds"][0], settings["aws:region"]
    matcher = Matcher(state, live, known or Map(), account, region, False)
    with environment(deployment), scratch_engine(deployment.project, "prod") as engine:
        private = Path(engine.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))
        rehearsal = rehearse(engine, matcher)
        assert list(private.rglob("*.json"))
        assert leaks(private) == []
    assert not private.exists()
    rows = judging.rows(rehearsal, state, "prod")
    digest = program_digest(deployment.project, "prod")
    made = report.make((NAME, "prod"), (state.lineage, state.serial), digest, rows, rehearsal)
    assert not [canary for canary in CANARIES if canary in made.document() + report.markdown(made)]
    return made


def verdicts(made: Report) -> Counter[Verdict]:
    return Counter(row.verdict for row in made.rows)


def test_a_running_platform_is_taken_over_completely(deploy: Deploy, tmp_path: Path) -> None:
    deployment = running(deploy)
    before = len(deployment.journal())
    made = reported(deployment)
    assert made.clean, report.markdown(made)
    existing = deployment.existing()
    assert sum(verdicts(made).values()) == len(existing)
    assert verdicts(made).keys() == {Verdict.SAME, Verdict.STATE_ONLY, Verdict.IN_PLACE}
    changing = {row.resource: {change.path for change in row.changes} for row in made.rows if row.changes}
    assert {urn.split("$")[-1].split("::")[0]: paths for urn, paths in changing.items()} == {
        SECRET: {"recoveryWindowInDays"},
        RULE: {"actions"},
    }
    assert deployment.state().get("resources", []) == []

    file = tmp_path / "report.json"
    file.write_text(made.document())
    same = Report.load(file)
    assert same == made
    state = terraform_state.read(state_document(Account(deployment.account)), "a test")
    require_as_reported(same, (NAME, "prod"), state, program_digest(deployment.project, "prod"))
    break_off_at_every_step(deployment, file)
    with environment(deployment):
        assert take_over(same, Engine(deployment.project, "prod")) == 0
    called = {call["method"] for call in deployment.journal()[before:]}
    assert called <= {"Read", "Configure", "Cancel", "Invoke", "Wait"}
    assert len(deployment.resources()) == len(existing) == len(deployment.existing())
    assert leaks(deployment.folder / "state") == []

    before = len(deployment.journal())
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    assert Counter(deployment.changes(before)) == {
        ("Update", urn.split("$")[-1].split("::")[0]): 5 if "secret:" in urn else 2 for urn in changing
    }
    assert leaks(deployment.folder / "state") == []


def break_off_at_every_step(deployment: Deployment, file: Path) -> None:
    """Take over what a report lists, interrupted again and again; each run continues where the one before ended.

    An import reads everything twice: first in its own preview, and then to write the state.
    """
    report_, engine = Report.load(file), Engine(deployment.project, "prod")
    existing = deployment.existing()
    reads = sum(type_ not in RECORDED for type_, _ in existing)
    # Killed in the preview of the import: nothing is written.
    kill_take_over(deployment, file, "Read", [reads // 2], lambda: True)
    assert deployment.resources() == []
    # Killed when half of the state is written.
    second_half = range(reads + reads // 2 + 1, 2 * reads + 1)
    kill_take_over(deployment, file, "Read", second_half, lambda: len(imported(deployment)) == reads // 2)
    # One resource can't be read: the import ends by itself.
    left = reads - len(imported(deployment))
    deployment.faults({"method": "Read", "nth": left + left // 2, "action": "refuse"})
    with environment(deployment), pytest.raises(Failure, match="pulumi import"):
        take_over(report_, engine)
    deployment.faults()
    assert reads // 2 <= len(imported(deployment)) < reads
    # The state is written, but not compared yet.
    with environment(deployment), pytest.raises(BrokenOff):
        take_over(report_, BrokenOffBeforeComparison(deployment.project, "prod"))
    assert len(deployment.resources()) == len(existing)
    # Killed in the preview that is compared, before its result is reported.
    kill_take_over(deployment, file, "Invoke", [1], lambda: True)
    assert len(deployment.resources()) == len(existing)


def imported(deployment: Deployment) -> list[str]:
    """Return the types of resources in the state that were read."""
    try:
        return [type_ for resource in deployment.resources() if (type_ := resource["type"]) not in RECORDED]
    except (FileNotFoundError, json.JSONDecodeError):  # the file is being written
        return []


class BrokenOffBeforeComparison(Engine):
    """An engine that fails after its import."""

    def judged_preview(self) -> PlanDocument:
        raise BrokenOff


TAKE_OVER: Final = """
import sys
from pathlib import Path
from operations.adopt.engine import Engine
from operations.adopt.report import Report
from operations.adopt.take_over import take_over
take_over(Report.load(Path(sys.argv[1])), Engine(Path(sys.argv[2]), "prod"))
"""


def kill_take_over(
    deployment: Deployment, file: Path, method: str, calls: Iterable[int], reached: Callable[[], bool]
) -> None:
    """Take over what a report lists, kill the process once some calls of a provider wait, and unlock the stack."""
    before = methods(deployment).count("Wait")
    deployment.faults(*({"method": method, "nth": number, "action": "wait"} for number in calls))
    command = [sys.executable, "-c", TAKE_OVER, str(file), str(deployment.project)]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=deployment.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until(lambda: methods(deployment).count("Wait") > before and reached(), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    deployment.faults()
    assert deployment.run("unlock").code == 0


DIFFERENCES: Final[dict[str, dict[str, Any]]] = {
    ROLE: {"path": "/"},
    POLICY: {"description": "Made by Terraform"},
    GROUP: {"description": "Managed by Terraform"},
    CERTIFICATE: {"keyAlgorithm": "RSA_2048"},
    TARGETS: {"port": 8080},
}
"""The usual differences that can't be changed in place."""


def test_each_usual_difference_stops_a_take_over_and_has_a_way_out(deploy: Deploy) -> None:
    deployment = running(deploy)
    account = Account(deployment.account)
    differing: dict[str, Resource] = {}
    for resource in list(account):
        if resource.type in DIFFERENCES and resource.type not in differing and "us-east-1" not in resource.id:
            differing[resource.type] = resource
            account.put(replace(resource, properties={**resource.properties, **DIFFERENCES[resource.type]}))
    made = reported(deployment)
    assert not made.clean
    stops = {row.resource: row for row in made.stops}
    assert {resource.urn for resource in differing.values()} <= stops.keys()
    for type_, resource in differing.items():
        row = stops[resource.urn]
        (key,) = DIFFERENCES[type_]
        assert row.verdict is Verdict.REPLACED
        assert f"`{key}`" in row.cause
        assert any(f"{key} of {type_}::" in way for way in row.ways_out)

    # Take each way out that the report names: keep what runs, under waivers, and leave the certificate to Terraform.
    certificate = differing.pop(CERTIFICATE)
    names = {type_: resource.urn.split("::", 3)[3] for type_, resource in differing.items()}
    kept = [f"{key} of {type_}::{name}" for type_, name in names.items() for key in DIFFERENCES[type_]]
    deployment.set("keptDifferences", kept)
    waived = {
        "inventory/ignored-changes": [*names.values()],
        # Kept values are judged: a role outside of the stack's path, a target on another port than the agreed one.
        "naming/misplaced-iam-resource": [names[ROLE]],
        "inventory/pinned-target": [names[TARGETS]],
        "entry_points/unguarded-egress": [names[TARGETS].replace("prod-", "prod-edge-to-")],
    }
    end = datetime.now(UTC).date() + timedelta(days=30)
    waive(deployment, waived, str(end))
    leave = {certificate.urn: Exemption(reason="made beside, then switched", owner="edge", until=end)}
    again = reported(deployment, Map(leave=leave))
    assert again.clean, report.markdown(again)
    by_urn = {row.resource: row.verdict for row in again.rows}
    assert by_urn[certificate.urn] is Verdict.CREATED
    assert {by_urn[resource.urn] for resource in differing.values()} == {Verdict.SAME}

    with environment(deployment):
        assert take_over(again, Engine(deployment.project, "prod")) == len(again.imports)
    before = len(deployment.journal())
    outcome = deployment.up()
    assert outcome.code == 0, outcome.out
    done = deployment.changes(before)
    assert ("Create", CERTIFICATE) in done
    assert not [change for change in done if change[0] == "Delete" or change[1] in differing]
    waive(deployment, dict.fromkeys(waived, ()), str(end))
    refused = deployment.run("preview")
    assert refused.code == 1
    assert {rule for rule in waived if rule.partition("/")[2] in refused.out} == waived.keys()


def waive(deployment: Deployment, waived: Mapping[str, Sequence[str]], end: str) -> None:
    """Waive rules (`pack/rule`) of the production stack for these resources, and for no others."""
    for rule, names in waived.items():
        pack, _, id_ = rule.partition("/")
        file = deployment.project / "policies" / "config" / f"{pack}.prod.json"
        rules = json.loads(file.read_text()) if file.exists() else {}
        given = {"reason": "taken over from Terraform", "owner": "platform", "expires": end}
        rules.setdefault(id_, {})["waivers"] = [{"resource": name, **given} for name in names]
        file.write_text(json.dumps(rules))
