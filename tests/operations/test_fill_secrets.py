"""`fill-secrets` writes every value once, and a run that broke off anywhere can simply be started again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from tests.operations.cloud import REGION, fault_at, fault_of
from tests.operations.conftest import CONTAINERS, Bench
from tests.owner import owned_here
from tests.workloads import LAB

ENDPOINT = ("--database-endpoint", "prod.cluster-abc.eu-central-1.rds.amazonaws.com:5433")
ADMIN, USER, URL, SESSION, PREFECT = CONTAINERS


def state(bench: Bench) -> dict[str, dict[str, str]]:
    return {name: bench.cloud.labels(name) for name in CONTAINERS}


def consistent(values: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether Backstage's URL matches the stored user and password."""
    user, url = json.loads(values[USER]["AWSCURRENT"]), urlsplit(values[URL]["AWSCURRENT"])
    return (user["username"], user["password"]) == (url.username, url.password)


def test_the_first_run_fills_every_secret(bench: Bench) -> None:
    outcome = bench.run(
        "fill-secrets", *ENDPOINT, "--admin-user", "root", "--backstage-parameters", "sslmode=verify-full"
    )
    assert outcome.code == 0
    values = {name: labels["AWSCURRENT"] for name, labels in state(bench).items()}
    assert json.loads(values[ADMIN])["username"] == "root"
    assert len(json.loads(values[ADMIN])["password"]) == 40
    url = urlsplit(values[URL])
    assert (url.scheme, url.hostname, url.port) == (
        "postgresql",
        "prod.cluster-abc.eu-central-1.rds.amazonaws.com",
        5433,
    )
    assert (url.path, url.query) == ("/backstage", "sslmode=verify-full")
    assert consistent(state(bench))
    assert len(bytes.fromhex(values[SESSION])) == 32
    prefect = urlsplit(values[PREFECT])
    assert (prefect.scheme, prefect.username, prefect.path) == ("postgresql+asyncpg", "prefect", "/prefect")
    assert prefect.password not in (url.password, json.loads(values[ADMIN])["password"])


def test_no_file_is_written(bench: Bench) -> None:
    before = set(bench.project.rglob("*"))
    bench.run("fill-secrets", *ENDPOINT)
    assert set(bench.project.rglob("*")) == before


def test_existing_values_are_kept(bench: Bench) -> None:
    bench.run("fill-secrets", *ENDPOINT)
    before = state(bench)
    bench.cloud.calls.clear()
    assert bench.run("fill-secrets").code == 0
    assert state(bench) == before
    assert "PutSecretValue" not in bench.cloud.calls


def test_a_dry_run_writes_nothing(bench: Bench) -> None:
    outcome = bench.run("fill-secrets", "--dry-run", "--rotate", "db/admin")
    assert outcome.code == 0
    assert "prod/backstage/database-url open would be composed" in outcome.text
    assert "PutSecretValue" not in bench.cloud.calls


def test_the_user_of_an_existing_url_is_kept(bench: Bench) -> None:
    bench.cloud.put(URL, "postgresql://in_use:Canary%2FPassword@db.example.com/backstage")
    assert bench.run("fill-secrets", *ENDPOINT).code == 0
    assert json.loads(bench.cloud.labels(USER)["AWSCURRENT"]) == {"username": "in_use", "password": "Canary/Password"}


def test_a_url_with_another_password_is_reported(bench: Bench) -> None:
    bench.run("fill-secrets", *ENDPOINT)
    bench.cloud.put(USER, '{"username": "backstage", "password": "CanaryPassword"}')
    outcome = bench.run("fill-secrets")
    assert outcome.code == 1
    assert "--rotate backstage/database-url composes it anew" in outcome.text
    assert bench.run("fill-secrets", *ENDPOINT, "--rotate", "backstage/database-url").code == 0
    assert consistent(state(bench))


def test_a_url_for_the_wrong_driver_is_refused(bench: Bench) -> None:
    """Each of the two drivers accepts only one URL scheme."""
    bench.run("fill-secrets", *ENDPOINT)
    values = {name: bench.cloud.labels(name)["AWSCURRENT"] for name in (URL, PREFECT)}
    bench.cloud.put(URL, values[PREFECT])
    bench.cloud.put(PREFECT, values[URL])
    outcome = bench.run("fill-secrets")
    assert outcome.code == 1
    assert "accepted: postgresql, postgres; accepted: PostgreSQL URL; --rotate backstage/database-url" in outcome.text
    assert "accepted: postgresql+asyncpg; accepted: PostgreSQL URL for the driver asyncpg; --rotate" in outcome.text


def test_a_rotation_replaces_an_administrator_that_rds_refuses(bench: Bench) -> None:
    bench.run("fill-secrets", *ENDPOINT)
    bench.cloud.put(ADMIN, '{"username": "admin", "password": "CanaryPassword"}')
    outcome = bench.run("fill-secrets")
    assert outcome.code == 1
    assert "has a `username` that is reserved" in outcome.text
    assert bench.run("fill-secrets", "--rotate", "db/admin").code == 0
    assert json.loads(bench.cloud.labels(ADMIN)["AWSCURRENT"])["username"] == "postgres"


def test_a_rotation_keeps_the_user_name_and_the_previous_value(bench: Bench) -> None:
    bench.run("fill-secrets", *ENDPOINT, "--backstage-user", "somebody")
    before = state(bench)
    outcome = bench.run("fill-secrets", *ENDPOINT, "--rotate", "backstage/db")
    assert outcome.code == 0
    after = state(bench)
    assert json.loads(after[USER]["AWSCURRENT"])["username"] == "somebody"
    assert consistent(after)
    for name in (USER, URL):
        assert after[name]["AWSPREVIOUS"] == before[name]["AWSCURRENT"] != after[name]["AWSCURRENT"]
    assert {name: after[name] for name in (ADMIN, SESSION, PREFECT)} == {
        name: before[name] for name in (ADMIN, SESSION, PREFECT)
    }


def test_a_rotation_with_the_same_name_rotates_once(bench: Bench) -> None:
    bench.run("fill-secrets", *ENDPOINT)
    bench.run("fill-secrets", *ENDPOINT, "--rotate", "backstage/session-secret", "--rotation", "first")
    after = state(bench)
    bench.run("fill-secrets", *ENDPOINT, "--rotate", "backstage/session-secret", "--rotation", "first")
    assert state(bench) == after
    bench.run("fill-secrets", *ENDPOINT, "--rotate", "backstage/session-secret", "--rotation", "second")
    assert state(bench)[SESSION]["AWSPREVIOUS"] == after[SESSION]["AWSCURRENT"]


def test_a_run_that_broke_off_at_any_call_can_be_repeated(bench: Bench) -> None:
    assert bench.run("fill-secrets", *ENDPOINT).code == 0
    ways = bench.cloud.breaks()
    assert len(ways) >= 16
    tried = set()
    for way in ways:
        bench.start_over()
        bench.cloud.fault = fault_at(*way)
        broken = bench.run("fill-secrets", *ENDPOINT)
        assert broken.code == 1
        assert "(BrokenOff)" in broken.err
        written = {name: labels for name, labels in state(bench).items() if labels}
        if bench.cloud.written in tried:
            continue
        tried.add(bench.cloud.written)
        assert bench.run("fill-secrets", *ENDPOINT).code == 0
        after = state(bench)
        assert all(set(labels) == {"AWSCURRENT"} for labels in after.values()), way
        assert written.items() <= after.items(), way
        assert consistent(after), way


def test_a_rotation_that_broke_off_at_any_call_can_be_repeated(bench: Bench) -> None:
    rotation = (*ENDPOINT, "--rotate", "backstage/db", "--rotate", "db/admin", "--rotation", "this")
    bench.run("fill-secrets", *ENDPOINT)
    before = state(bench)
    bench.cloud.reset()
    assert bench.run("fill-secrets", *rotation).code == 0
    ways = bench.cloud.breaks()
    assert len(ways) >= 12
    tried = set()
    for way in ways:
        bench.start_over()
        for name, labels in before.items():
            bench.cloud.put(name, labels["AWSCURRENT"])
        bench.cloud.fault = fault_at(*way)
        assert bench.run("fill-secrets", *rotation).code == 1
        if bench.cloud.written in tried:
            continue
        tried.add(bench.cloud.written)
        assert bench.run("fill-secrets", *rotation).code == 0
        after = state(bench)
        assert consistent(after), way
        for name in CONTAINERS:
            label = "AWSPREVIOUS" if name in (ADMIN, USER, URL) else "AWSCURRENT"
            assert after[name][label] == before[name]["AWSCURRENT"], (way, name)


def test_the_endpoint_is_asked_for_on_a_terminal_if_needed(bench: Bench) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return "db.example.com"

    bench.patch.setattr("builtins.input", answer)
    for _ in range(2):
        assert bench.run("fill-secrets", terminal=True).code == 0
        assert asked == ["Database endpoint (HOST or HOST:PORT): "]
    assert urlsplit(state(bench)[URL]["AWSCURRENT"]).hostname == "db.example.com"


def test_a_lost_answer_writes_nothing_twice(bench: Bench) -> None:
    """AWS's client repeats a call if its answer was lost; that must not write anything twice."""
    bench.patch.setenv("AWS_MAX_ATTEMPTS", "3")
    bench.cloud.fault = fault_of("PutSecretValue", "lost", times=1)
    assert bench.run("fill-secrets", *ENDPOINT).code == 0
    assert bench.cloud.calls.count("PutSecretValue") == len(CONTAINERS) + 1
    assert all(set(labels) == {"AWSCURRENT"} for labels in state(bench).values())
    assert consistent(state(bench))


def test_throttling_is_reported(bench: Bench) -> None:
    bench.cloud.fault = fault_of("PutSecretValue", "ThrottlingException")
    outcome = bench.run("fill-secrets", *ENDPOINT)
    assert outcome.code == 1
    assert "AWS throttles these calls (ThrottlingException), even after retries; try again in a minute" in outcome.err


def test_a_missing_answer_is_reported_after_the_timeout(bench: Bench) -> None:
    bench.cloud.fault = fault_of("DescribeSecret", "hold", times=1)
    outcome = bench.run("fill-secrets", *ENDPOINT, "--timeout", "1")
    bench.cloud.released.set()
    bench.cloud.released.clear()
    assert outcome.code == 1
    assert "prod/db/admin: no answer from AWS in time (ReadTimeoutError)" in outcome.err


def test_two_runs_at_once_agree(bench: Bench, tmp_path: Path) -> None:
    """The second run uses the value of the first one, although it saw none at its start."""
    written: list[str] = []

    def meanwhile(_: int, operation: str) -> str:
        if operation == "PutSecretValue" and not written:
            written.append(operation)
            bench.run("fill-secrets", *ENDPOINT)
            written.append(bench.cloud.labels(ADMIN)["AWSCURRENT"])
        return ""

    bench.cloud.fault = meanwhile
    assert bench.run("fill-secrets", *ENDPOINT).code == 0
    assert bench.cloud.labels(ADMIN) == {"AWSCURRENT": written[1]}
    assert consistent(state(bench))


def test_a_missing_container_is_reported(bench: Bench) -> None:
    boto3.client("secretsmanager", REGION).delete_secret(SecretId=SESSION, ForceDeleteWithoutRecovery=True)
    outcome = bench.run("fill-secrets", *ENDPOINT)
    assert outcome.code == 1
    assert "doesn't exist: `make up STACK=prod` creates it; then run this again" in outcome.text
    assert bench.cloud.labels(PREFECT)


def test_a_foreign_account_is_left_alone(bench: Bench) -> None:
    bench.configure(aws__allowedAccountIds=["210987654321"])
    outcome = bench.run("fill-secrets", *ENDPOINT)
    assert (outcome.code, bench.cloud.calls) == (2, ["/"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--database-endpoint is missing"),
        (("--database-endpoint", "postgresql://user:x@host/db"), "--database-endpoint: accepted: HOST or HOST:PORT"),
        ((*ENDPOINT, "--admin-user", "admin"), "--admin-user admin: is reserved (RDS keeps admin and rdsadmin)"),
        ((*ENDPOINT, "--admin-user", "rdsadmin"), "--admin-user rdsadmin: is reserved"),
        ((*ENDPOINT, "--admin-user", "pg_admin"), "--admin-user pg_admin: is reserved (PostgreSQL and RDS keep"),
        ((*ENDPOINT, "--admin-user", "root_of_all"), "1 to 16 lower-case letters and digits, a letter first"),
        ((*ENDPOINT, "--backstage-user", "rds_iam"), "--backstage-user rds_iam: is reserved"),
        ((*ENDPOINT, "--prefect-database", "public"), "--prefect-database public: is reserved"),
        ((*ENDPOINT, "--prefect-user", "o'neil"), "--prefect-user o'neil: isn't a name; accepted: lower-case letters"),
        (
            (*ENDPOINT, "--prefect-parameters", "ssl"),
            "--prefect-parameters ssl: isn't a list of param",
        ),
    ],
)
def test_bad_usage_is_refused(bench: Bench, arguments: tuple[str, ...], said: str) -> None:
    outcome = bench.run("fill-secrets", *arguments)
    assert outcome.code == 2
    assert said in outcome.err


def test_the_stacks_own_database_needs_no_option(bench: Bench) -> None:
    """Before the database exists, values that need its host wait; once the host is known, everything is filled."""
    names = [f"lab/{name.partition('/')[2]}" for name in CONTAINERS]
    for name in names:
        bench.cloud.put(name, None)
    here = ("fill-secrets", "--stack", LAB, "--project", str(owned_here()))
    outcome = bench.run(*here)
    assert outcome.code == 0, outcome.text
    assert "2 open" in outcome.text
    assert "waits for the database, which `databaseGeneration: 1` creates" in outcome.text
    administrator = bench.cloud.labels(names[0])["AWSCURRENT"]
    assert json.loads(administrator)["username"] == "dbadmin"

    host = "lab-database.cluster-abc.eu-central-1.rds.amazonaws.com"
    boto3.client("ssm", REGION).put_parameter(Name="/lab/infra/database_host", Value=host, Type="String")
    outcome = bench.run(*here)
    assert outcome.code == 0, outcome.text
    values = {name: bench.cloud.labels(name)["AWSCURRENT"] for name in names}
    assert values[names[0]] == administrator
    assert {urlsplit(values[name]).hostname for name in (names[2], names[4])} == {host}
